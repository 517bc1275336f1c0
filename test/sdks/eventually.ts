/** Longest wait for a browser's SDK, which does not say when it has delivered; much less than a test may take. */
const patienceMs = 15_000;
const stepMs = 5;

/** Tries an expectation until it holds; throws its last complaint when it doesn't in the end. */
export async function eventually(expectation: () => void): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      expectation();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, stepMs));
  }
}
