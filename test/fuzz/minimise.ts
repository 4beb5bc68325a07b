/**
 * The shortest part of the input that still shows the fault: leaves out ever smaller pieces, then makes what is left
 * plainer (delta debugging, Zeller 2002).
 */
export async function minimise(
  input: string,
  fails: (candidate: string) => Promise<boolean>,
  budgetMs: number,
): Promise<string> {
  const deadline = performance.now() + budgetMs;
  let best = input;
  for (let size = Math.ceil(best.length / 2); size >= 1 && performance.now() < deadline; ) {
    const shorter = await withoutOnePiece(best, size, fails, deadline);
    if (shorter !== null) best = shorter;
    else size = size === 1 ? 0 : Math.ceil(size / 2);
  }
  return best;
}

async function withoutOnePiece(
  input: string,
  size: number,
  fails: (candidate: string) => Promise<boolean>,
  deadline: number,
): Promise<string | null> {
  let best = input;
  for (let at = 0; at < best.length && performance.now() < deadline; ) {
    const candidate = best.slice(0, at) + best.slice(at + size);
    if (candidate !== "" && (await fails(candidate))) best = candidate;
    else at += size;
  }
  return best.length < input.length ? best : null;
}
