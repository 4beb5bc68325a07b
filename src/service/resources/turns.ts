/** Work on one thing is done one after the other, in the order of asking; on different things at once. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<Result>(thing: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(thing);
    const done = before === undefined ? work() : before.then(work, work);
    this.#last.set(thing, done);
    try {
      return await done;
    } finally {
      if (this.#last.get(thing) === done) this.#last.delete(thing);
    }
  }
}
