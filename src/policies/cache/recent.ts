/**
 * Keys whose last answer was none to keep: requests for them do not wait for each other. By their hashes, a few
 * thousand: taken for one another, two keys only lose that wait.
 */
export class RecentlyPassed {
  readonly #hashes = new Int32Array(4096);

  has(key: string): boolean {
    const sum = hashOf(key);
    return this.#hashes[sum & 4095] === sum;
  }

  add(key: string): void {
    const sum = hashOf(key);
    this.#hashes[sum & 4095] = sum;
  }

  delete(key: string): void {
    if (this.has(key)) this.#hashes[hashOf(key) & 4095] = 0;
  }
}

function hashOf(key: string): number {
  let sum = 0;
  for (let i = 0; i < key.length; i++) sum = (Math.imul(sum, 31) + key.charCodeAt(i)) | 0;
  return sum;
}
