/** Something to buy: the example's products, created as any client would. */
import { DEMO_KEYS } from "./demo-keys.ts";
import { Refusal } from "./refusal.ts";

const PRODUCTS = [
  { sku: "BA-300", name: "Barrier arm, 3 m", price: 18_900, tags: ["road"], stock: 12 },
  { sku: "TR-100", name: "Toll ticket roll", price: 450, tags: ["paper"], stock: 5_000 },
  { sku: "SL-020", name: "Signal lamp", price: 2_350, tags: ["road", "light"], stock: 140 },
  { sku: "CB-700", name: "Coin basket", price: 31_000, tags: ["booth"], stock: 7 },
  { sku: "HV-050", name: "High-visibility vest", price: 1_290, tags: ["clothes"], stock: 300 },
] as const;

/** Resolves with the id of one of them. Those that are there already stay as they are. */
export async function stock(address: string): Promise<string> {
  for (const product of PRODUCTS) {
    const { status } = await fetch(`${address}/products`, {
      method: "POST",
      headers: { "X-API-Key": DEMO_KEYS.operator, "Content-Type": "application/json" },
      body: JSON.stringify(product),
    });
    if (status !== 201 && status !== 409)
      throw new Refusal(`the example's products could not be created: ${status}`, 1);
  }
  const list = await fetch(`${address}/products?sku=BA-300`);
  const { data } = (await list.json()) as { data: { id: string }[] };
  const id = data[0]?.id;
  if (id === undefined) throw new Refusal("the example's products cannot be read", 1);
  return id;
}
