/** An API of three versions before a service that only speaks the third. The tests add upstreams and ports. */
import { defineChange, defineConfig, GatewayError } from "../../src/index.ts";

export interface First {
  name: string;
  since: number;
}

export interface Second {
  first_name: string;
  last_name: string;
  since: number;
}

export interface Third {
  first_name: string;
  last_name: string;
  since: string;
}

const older = ({ first_name, last_name, ...rest }: Second): First => ({
  ...rest,
  name: `${first_name} ${last_name}`,
});

const splitNames = defineChange<First, Second>({
  summary: "name became first_name and last_name",
  routes: ["customer", "checked"],
  request({ name, ...rest }) {
    if (typeof name !== "string")
      throw new GatewayError("VALIDATION_ERROR", { details: [{ field: "name", issue: "must be text" }] });
    const [first_name = "", ...last] = name.split(" ");
    return { ...rest, first_name, last_name: last.join(" ") };
  },
  response: older,
});

const splitListedNames = defineChange<First[], Second[]>({
  summary: "name became first_name and last_name in lists",
  routes: ["customers"],
  response: (customers) => customers.map(older),
});

const datedSince = defineChange<Second, Third>({
  summary: "since became a date",
  routes: ["customer", "checked"],
  // In place: nothing is returned.
  request(body) {
    Object.assign(body, { since: new Date(body.since * 1000).toISOString() });
  },
  async response(body) {
    await Promise.resolve();
    return { ...body, since: Date.parse(body.since) / 1000 };
  },
});

const wrappedLists = defineChange<Second[], { data: Third[] }>({
  summary: "lists are wrapped, q became search",
  routes: ["customers"],
  query(parameters) {
    const q = parameters.get("q");
    parameters.delete("q");
    if (q !== null) parameters.set("search", q);
  },
  headers(headers) {
    headers.set("X-List", "wrapped");
  },
  response({ data }, { headers }) {
    headers.set("X-Total", String(data.length));
    return data.map((customer) => ({ ...customer, since: Date.parse(customer.since) / 1000 }));
  },
});

const codedErrors = defineChange({
  summary: "errors have codes",
  error: (body: { error: { message: string } }, { status }) => ({ error: body.error.message, status }),
});

const failing = defineChange({
  summary: "fails",
  routes: ["failing"],
  response() {
    throw new Error("a mistake in the config");
  },
});

export const config = defineConfig({
  versions: {
    default: "3",
    maxBody: "64kb",
    list: {
      "1": { deprecated: new Date("2026-06-01"), sunset: "2027-06-01" },
      "2": { changes: [splitNames, splitListedNames] },
      "3": { changes: [datedSince, wrappedLists, codedErrors, failing] },
    },
  },
  routes: [
    { name: "customers", path: "/customers", methods: ["GET"], to: { upstream: "customers" } },
    { name: "customer", path: "/customers/{id}", to: { upstream: "customers" } },
    {
      name: "checked",
      path: "/checked/{id}",
      to: { upstream: "customers" },
      policies: [
        {
          validate: {
            body: { type: "object", required: ["last_name"], properties: { since: { type: "string" } } },
          },
        },
      ],
    },
    { name: "failing", path: "/failing", to: { upstream: "customers" } },
    { name: "others", path: "/others/*", to: { upstream: "customers" } },
    {
      name: "fixed",
      path: "/fixed/{id}",
      to: { fixed: { status: 404, body: { error: { message: "none" } } } },
    },
  ],
});
