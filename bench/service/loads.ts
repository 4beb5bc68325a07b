/** What is asked of every contender, and the proof that it answers it. */
export const operations = ["list", "get", "create"] as const;
export type Operation = (typeof operations)[number];

const BODY = { name: "A product as any other", price: 1250, note: "made by the benchmark" };

/** Of the same rows for everybody: those of a contender, as it lists them. */
export function script(operation: Operation, ids: readonly string[]): string {
  if (operation === "list")
    return 'request = function() return wrk.format("GET", "/products?limit=20") end\n';
  if (operation === "create")
    return `wrk.method = "POST"
wrk.path = "/products"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '${JSON.stringify(BODY)}'
`;
  // 7919 is prime: it meets all.
  return `local ids = { ${ids.map((id) => `"${id}"`).join(", ")} }
local at = 0
request = function()
  at = (at + 7919) % #ids
  return wrk.format("GET", "/products/" .. ids[at + 1])
end
`;
}

interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: number;
}

interface Page {
  readonly data: readonly Product[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

/**
 * Asks once for everything that will be measured; ids of a thousand rows.
 *
 * @throws Error where an answer is not what the load takes it for.
 */
export async function prove(port: number): Promise<string[]> {
  const base = `http://127.0.0.1:${port}/products`;
  const list = await json<Page>(`${base}?limit=20`, 200);
  if (list.data.length !== 20 || list.has_more !== true) throw new Error("the list has not 20 and more");
  const created = await json<Product>(base, 201, JSON.stringify(BODY));
  const read = await json<Product>(`${base}/${created.id}`, 200);
  if (read.name !== BODY.name || read.price !== BODY.price) throw new Error("what was created is not there");
  await refuses(base);
  const ids: string[] = [];
  for (let next: string | null = ""; next !== null && ids.length < 1000; ) {
    const cursor: string = next === "" ? "" : `&cursor=${next}`;
    const page: Page = await json(`${base}?limit=100${cursor}`, 200);
    ids.push(...page.data.map(({ id }) => id));
    next = page.next_cursor;
  }
  if (new Set(ids).size < 1000) throw new Error("its cursor does not lead through a thousand rows");
  return ids;
}

async function refuses(base: string): Promise<void> {
  const answer = await fetch(base, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: "", price: -1, colour: "red" }),
  });
  await answer.text();
  if (answer.status !== 400 && answer.status !== 422)
    throw new Error(`nonsense is answered with ${answer.status}`);
}

async function json<T>(url: string, status: number, body?: string): Promise<T> {
  const answer = await fetch(
    url,
    body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body },
  );
  if (answer.status !== status) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
