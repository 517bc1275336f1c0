/** The other side of a `Child`: answers every question of the process that started this one, and ends when it is gone. */
export function answerParent(answer: (question: never) => Promise<object>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', (question) => {
    void answer(question as never).then((value) => process.send?.(value));
  });
}
