/** What a lane's caches keep: a reload that leaves a policy as it was leaves it its answers. */
import type { PolicyTools } from "../../core/tools.ts";
import { VariantStore } from "./store.ts";

type Room = Map<string, VariantStore>;

/** By the memory that a lane has for its whole life. */
const rooms = new WeakMap<object, Room>();

/** The store of one entry of a config. `identity` is whatever must stay the same for it to be kept. */
export function openStore(identity: string, most: number, tools: PolicyTools): VariantStore {
  const room = rooms.get(tools.shared) ?? furnish(tools);
  const name = `${tools.place}\n${identity}`;
  const store = room.get(name) ?? new VariantStore(Math.floor(most / tools.shared.seat.lanes));
  room.set(name, store);
  store.users++;
  tools.onClose(() => {
    if (--store.users === 0) room.delete(name);
  });
  return store;
}

function furnish({ shared, metrics }: PolicyTools): Room {
  const room: Room = new Map();
  const sum = (of: (store: VariantStore) => number) => () =>
    [...room.values()].reduce((total, store) => total + of(store), 0);
  metrics.gauge(
    "turnpike_cache_bytes",
    "Memory that cached answers take up.",
    sum((store) => store.bytes),
  );
  metrics.gauge(
    "turnpike_cache_targets",
    "Targets with a cached answer.",
    sum((store) => store.size),
  );
  rooms.set(shared, room);
  return room;
}
