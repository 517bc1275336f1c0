// Loaded before everything else of a process (node --require): its time of day is CLOCK_SKEW_MS ahead, as on a machine
// whose clock nobody sets. Monotonic time is as it is.
const { process } = globalThis;
const skewMs = Number(process.env.CLOCK_SKEW_MS ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + skewMs;

globalThis.Date = class Date extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(now());
    else super(...values);
  }

  static now() {
    return now();
  }
};
