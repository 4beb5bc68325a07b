/**
 * Counts the fields of a header block (RFC 7541 §6) without decoding them.
 *
 * nghttp2 leaves out fields that are malformed and delivers the rest (it must not see `a: b\r\nc` as an attack, many a
 * server sends such). A gateway has to refuse the whole request (RFC 9113 §8.2.1). That fewer fields were delivered
 * than were sent is how it knows.
 */
export class FieldCounter {
  count = 0;
  #state: "field" | "name" | "value" | "skip" = "field";
  /** What comes when the integer that is being read is complete. */
  #integer = 0;
  #shift = 0;
  #inInteger = false;
  #then: "field" | "name" | "value" | "skip" = "field";
  #skip = 0;
  #afterSkip: "field" | "value" = "field";

  push(block: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#state === "skip") {
        const step = Math.min(this.#skip, to - at);
        this.#skip -= step;
        at += step;
        if (this.#skip === 0) this.#state = this.#afterSkip;
      } else {
        this.#step(block[at++] as number);
      }
    }
  }

  #step(byte: number): void {
    if (this.#inInteger) {
      this.#continueInteger(byte);
    } else if (this.#state === "field") {
      this.#startField(byte);
    } else {
      // The first bit says Huffman, which changes nothing here.
      this.#afterSkip = this.#state === "name" ? "value" : "field";
      this.#startInteger(byte & 0x7f, 0x7f, "skip");
    }
  }

  #startField(byte: number): void {
    if ((byte & 0x80) !== 0) {
      this.count++;
      this.#startInteger(byte & 0x7f, 0x7f, "field");
    } else if ((byte & 0xe0) === 0x20) {
      // A new size for the table is not a field.
      this.#startInteger(byte & 0x1f, 0x1f, "field");
    } else {
      this.count++;
      const mask = (byte & 0x40) !== 0 ? 0x3f : 0x0f;
      const index = byte & mask;
      this.#startInteger(index, mask, index === 0 ? "name" : "value");
    }
  }

  /** RFC 7541 §5.1. */
  #startInteger(prefix: number, mask: number, then: "field" | "name" | "value" | "skip"): void {
    this.#integer = prefix;
    this.#then = then;
    if (prefix < mask) {
      this.#endInteger();
      return;
    }
    this.#inInteger = true;
    this.#shift = 0;
  }

  #continueInteger(byte: number): void {
    this.#integer += (byte & 0x7f) * 2 ** this.#shift;
    this.#shift += 7;
    if ((byte & 0x80) !== 0) return;
    this.#inInteger = false;
    this.#endInteger();
  }

  #endInteger(): void {
    this.#state = this.#then;
    if (this.#then !== "skip") return;
    this.#skip = this.#integer;
    if (this.#skip === 0) this.#state = this.#afterSkip;
  }
}
