import { GatewayError } from "../../core/errors.ts";
import type { FieldValue } from "../../core/resource.ts";
import type { ReplaceInput } from "../resources/input/index.ts";
import type { Writes } from "../resources/operations-write.ts";
import { notFound, type Permit, permitVerb } from "../resources/permit.ts";
import type { Outcome, Write } from "../resources/write.ts";

/** Somebody else may create it, or delete it, between the one and the other. */
const MOST_TRIES = 5;

/** PUT where clients give the ids: makes the object that is not there (HTTP-10: `If-None-Match: *` is "only that"). */
export async function replaceOrCreate<Result>(
  writes: Writes,
  permit: Permit,
  id: FieldValue,
  input: ReplaceInput,
  write: Write<Result>,
): Promise<Outcome<Result>> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const replaced =
      id === null
        ? null
        : await unless("RESOURCE_NOT_FOUND", () => writes.update(permit, id, input.over, write));
    if (replaced !== null) return replaced;
    const values = input.fresh();
    const permitted = permitVerb(permit.resource, "create", permit.caller);
    write.expects(null);
    const created = await unless(
      "ALREADY_EXISTS",
      () => writes.create(permitted, values, null, write),
      isAboutId(permit),
    );
    if (created !== null) return created;
  }
  throw notFound(permit);
}

/** Null where it is refused for that reason. */
async function unless<Result>(
  code: GatewayError["code"],
  attempt: () => Promise<Result>,
  isMeant: (error: GatewayError) => boolean = () => true,
): Promise<Result | null> {
  try {
    return await attempt();
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === code && isMeant(thrown)) return null;
    throw thrown;
  }
}

/** Not about another field that is unique. */
function isAboutId({ resource, view }: Permit): (error: GatewayError) => boolean {
  const name = view.fields.find(({ field }) => field === resource.id)?.name;
  return ({ details }) => details.some(({ field }) => field === name);
}
