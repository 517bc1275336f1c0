/**
 * Why a request is refused with 400, as a value: `field` is the path of the offending field (`events[3].event`),
 * `message` what it should have been.
 */
export class Problem {
  constructor(
    readonly field: string,
    readonly message: string,
  ) {}

  /** The same problem seen from the object that contains the field's object. */
  within(container: string): Problem {
    return new Problem(`${container}.${this.field}`, this.message);
  }

  get text(): string {
    return `${this.field}: ${this.message}`;
  }
}
