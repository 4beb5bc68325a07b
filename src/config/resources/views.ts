import { quoted } from "../../core/found.ts";
import type { ComputedField, Field, View } from "../../core/resource.ts";
import type { ApiVersion } from "../../core/version.ts";
import type { Placed } from "./history.ts";
import type { Scope } from "./scope.ts";

/** How a resource looks in each version. `shown` are the stored fields in their order, the id first. */
export function viewsOf(
  shown: readonly Placed<Field>[],
  computed: readonly Placed<ComputedField>[],
  { versions, report }: Scope,
): Map<ApiVersion | null, View> {
  const all = versions.length === 0 ? [null] : versions;
  const views = new Map<ApiVersion | null, View>();
  for (const version of all) {
    checkNames([...shown, ...computed], version, report);
    views.set(version, { version, fields: named(shown, version), computed: named(computed, version) });
  }
  return views;
}

function named<One extends Field | ComputedField>(
  placed: readonly Placed<One>[],
  version: ApiVersion | null,
): { readonly name: string; readonly field: One }[] {
  return placed.flatMap(({ field, history }) => {
    const name = history.nameIn(version);
    return name === null ? [] : [{ name, field }];
  });
}

function checkNames(
  placed: readonly Placed<Field | ComputedField>[],
  version: ApiVersion | null,
  report: Scope["report"],
): void {
  const first = new Map<string, string>();
  for (const { field, history, at } of placed) {
    const name = history.nameIn(version);
    if (name === null) continue;
    const other = first.get(name);
    if (other === undefined) first.set(name, field.name);
    else {
      const where = version === null ? "" : ` in version ${version.name}`;
      const also = other === name ? "" : ` (${other})`;
      report.keyError(at, `${quoted(name)} is another field's name already${where}${also}`);
    }
  }
}
