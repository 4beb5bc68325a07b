/**
 * Changes of documents, and what each means: kind, rule, document, words, and the change itself. A pointer may begin with
 * the name of a place below.
 */
import type { ChangeKind } from "../../../src/service/openapi/diff/index.ts";

export interface Mutation {
  readonly kind: ChangeKind;
  /** `nothing` where nobody notices. */
  readonly rule: string;
  readonly document: string;
  readonly what: string;
  apply(document: unknown): void;
}

const PLACES: Readonly<Record<string, string>> = {
  CREATE: "/components/schemas/OrderCreate",
  ORDER: "/components/schemas/PartialOrder/properties",
  CONFLICT:
    "/components/responses/Conflict/content/application~1json/schema/allOf/1/properties/error/properties/code",
  THING: "/components/schemas/Thing/allOf/1/properties",
  GET: "/paths/~1things~1{thing}/get",
  PUT: "/paths/~1things~1{thing}/put",
};

const TABLE = `
# Paths and operations.
breaking | operation-removed | shop | a path is removed | remove /paths/~1orders~1{id}~1cancel
breaking | operation-removed | shop | a method is removed | remove /paths/~1orders/post
addition | operation-added | foreign | a method is added | set /paths/~1things~1{thing}/delete {"responses":{}}
addition | operation-added | foreign | a path is added | set /paths/~1more {"get":{"responses":{}}}
breaking | operation-renamed | shop | an operation gets another name | set /paths/~1orders/get/operationId "findOrders"
change | operation-deprecated | shop | an operation is deprecated | set /paths/~1orders/get/deprecated true
breaking | server-removed | foreign | a server is removed | set /servers [{"url":"https://two.example"}]
addition | server-added | foreign | a server is added | push /servers {"url":"https://two.example"}
# Parameters.
breaking | parameter-removed | shop | a filter is removed | remove /paths/~1orders/get/parameters/8
addition | parameter-added | foreign | an optional parameter is added | push GET/parameters {"name":"x","in":"query"}
breaking | parameter-required | foreign | a required parameter is added | push GET/parameters {"name":"x","in":"query","required":true}
breaking | parameter-required | shop | a parameter becomes required | set /components/parameters/Idempotency-Key/required true
breaking | parameter-required | foreign | a parameter of a whole path is added | push /paths/~1things~1{thing}/parameters {"name":"Y","in":"header","required":true}
breaking | parameter-style | foreign | a parameter is written in another way | set GET/parameters/1/explode false
breaking | request-type-changed | foreign | the items of a parameter get another type | set GET/parameters/1/schema/items/type "boolean"
breaking | request-maxLength-tightened | foreign | a header parameter has to be shorter | set GET/parameters/0/schema/maxLength 9
breaking | default-changed | shop | the default number of objects on a page changes | set /components/parameters/orders.limit/schema/default 50
breaking | default-changed | shop | the default order changes | set /components/parameters/orders.sort/schema/default ["id"]
breaking | request-value-removed | shop | lists can no longer be sorted by a field | remove /components/parameters/orders.sort/schema/items/enum/0
addition | request-value-added | shop | lists can be sorted by another field | push /components/parameters/orders.sort/schema/items/enum "new"
breaking | request-lowered-tightened | shop | a page holds fewer objects at most | set /components/parameters/orders.limit/schema/x-lowered-to 20
change | request-lowered-widened | shop | a page holds more objects at most | set /components/parameters/orders.limit/schema/x-lowered-to 500
breaking | request-deepest-tightened | shop | pages end sooner | set /components/parameters/orders.page/schema/x-deepest 100
change | request-deepest-widened | shop | pages end later | set /components/parameters/orders.page/schema/x-deepest 20000
# Actions.
breaking | state-removed | shop | an action is no longer possible in a state | set /paths/~1orders~1{id}~1cancel/post/x-possible-from/status ["pending"]
addition | state-added | shop | an action is possible in another state | set /paths/~1orders~1{id}~1pay/post/x-possible-from/status ["pending","cancelled"]
breaking | state-required | shop | an action depends on another field | set /paths/~1orders~1{id}~1pay/post/x-possible-from/quantity [1]
addition | state-added | shop | an action is possible in every state | remove /paths/~1orders~1{id}~1pay/post/x-possible-from
# Bodies of requests.
breaking | request-unique-added | shop | a field becomes unique | set CREATE/properties/quantity/x-unique true
change | request-unique-removed | shop | a field is no longer unique | remove /components/schemas/ProductCreate/properties/sku/x-unique
breaking | request-unique-added | shop | fields become unique together | set CREATE/x-unique-together [["customer","product"]]
breaking | request-immutable-added | shop | a field can no longer be changed | set /components/schemas/OrderUpdate/properties/quantity/x-immutable true
breaking | request-write-scope-added | shop | a field takes a scope | set CREATE/properties/quantity/x-write-scope "more"
breaking | request-reference-added | shop | a field has to be the id of something | set CREATE/properties/quantity/x-refers-to "products"
change | nothing | shop | fields are not more than they were | set CREATE/properties/quantity/x-unique false
breaking | request-field-removed | shop | a field may no longer be given | remove CREATE/properties/product
addition | request-field-added | shop | an optional field may be given | set CREATE/properties/more {"type":"string"}
breaking | request-field-required | shop | a new field has to be given | set CREATE/properties/more {"type":"string"} ; push CREATE/required "more"
breaking | request-field-required | shop | a field becomes required | push CREATE/required "quantity"
change | request-field-optional | shop | a required field may be left out | set CREATE/required []
breaking | request-type-changed | shop | a field gets another type | set CREATE/properties/quantity {"type":"string"}
breaking | request-type-changed | shop | a field may no longer be null | set CREATE/properties/product/type "integer"
breaking | request-minimum-tightened | shop | a minimum is raised | set CREATE/properties/quantity/minimum 2
change | request-minimum-widened | shop | a minimum is lowered | set CREATE/properties/quantity/minimum 0
breaking | request-maximum-tightened | shop | a maximum is added | set CREATE/properties/quantity/maximum 9
breaking | default-changed | shop | a default changes | set CREATE/properties/quantity/default 2
breaking | default-changed | foreign | a default is gone | remove THING/count/default
breaking | request-pattern-added | all | a pattern is added | set CREATE/properties/long/pattern "^x"
breaking | request-pattern-changed | foreign | a pattern changes | set THING/label/pattern "^b"
breaking | response-format-changed | foreign | a format changes | set THING/label/format "uri"
breaking | request-value-removed | all | an enum gets narrower | remove CREATE/properties/size/enum/0
breaking | request-enum-added | all | an enum is added | set CREATE/properties/long/enum ["a"]
breaking | request-additionalProperties-closed | foreign | unknown members are no longer taken | set THING/map/additionalProperties false
breaking | request-type-changed | foreign | unknown members are of another type | set THING/map/additionalProperties/type "string"
breaking | request-exclusiveMinimum-tightened | foreign | an exclusive bound of 3.0 is moved | set THING/count/minimum 3
breaking | request-type-changed | foreign | what could be null may no longer be | remove THING/label/nullable
breaking | request-field-removed | foreign | a field becomes read-only | set THING/count/readOnly true
breaking | response-field-removed | foreign | a field becomes write-only | set THING/count/writeOnly true
breaking | request-body-required | foreign | a body becomes required | set PUT/requestBody/required true
breaking | request-body-removed | foreign | a body is removed | remove PUT/requestBody
breaking | media-type-removed | shop | a media type of requests is removed | remove /paths/~1orders~1{id}/patch/requestBody/content/application~1json
breaking | request-branch-removed | foreign | a form of a union may no longer be given | remove THING/kind/oneOf/1
# Answers.
breaking | response-id-prefix-changed | shop | ids begin in another way | set ORDER/id/x-id-prefix "o"
breaking | response-field-removed | shop | a field is no longer answered | remove ORDER/quantity
breaking | response-field-removed | shop | a field is renamed | set ORDER/amount {"type":"integer"} ; remove ORDER/quantity
addition | response-field-added | shop | a field is answered, too | set ORDER/more {"type":"string"}
breaking | response-field-optional | shop | a field may be missing | remove /components/schemas/Order/allOf/1/required/2
breaking | response-type-changed | shop | a field of an answer gets another type | set ORDER/total {"type":"string"}
breaking | response-type-changed | shop | a field of an answer may be null | set ORDER/total/type ["integer","null"]
breaking | response-type-changed | shop | an integer becomes a number | set ORDER/total/type "number"
breaking | response-value-added | shop | an enum that is closed gets another value | push ORDER/status/enum "lost"
change | response-value-removed | shop | an enum loses a value in answers | remove ORDER/status/enum/0
addition | response-value-added | shop | an error code is added | push CONFLICT/enum "NEW"
breaking | response-value-removed | shop | an error code is removed | remove CONFLICT/enum/0
breaking | response-branch-added | foreign | a form of a union is answered, too | push THING/kind/oneOf {"type":"string"}
breaking | response-field-removed | foreign | a field inside of a union is gone | remove /components/schemas/Dog/properties/barks
breaking | status-removed | shop | a status is no longer given | remove /paths/~1orders~1{id}/get/responses/304
addition | status-added | shop | a status is given, too | set /paths/~1orders/post/responses/202 {"description":"later"}
breaking | media-type-removed | foreign | a media type of answers is removed | remove GET/responses/200/content/text~1csv
breaking | header-removed | foreign | a header field is removed that was always there | remove GET/responses/200/headers/X-Total
change | header-removed | foreign | a header field is removed that was sometimes there | remove GET/responses/200/headers/X-Maybe
breaking | header-optional | shop | a header field may be missing | remove /components/headers/ETag-Always/required
breaking | response-type-changed | foreign | a header field is another thing | set GET/responses/200/headers/X-Total/schema/type "string"
# Who may.
breaking | security-tightened | shop | an operation needs a scope | set /paths/~1orders/get/security [{"apiKey":["orders:read","more"]}]
breaking | security-tightened | shop | what was open is not | remove /paths/~1products/get/security/0
addition | security-added | foreign | another way in is open | push /security {"oauth":["read"]}
breaking | security-tightened | foreign | everything needs another scheme | set /security [{"oauth":[]}]
breaking | security-scheme-changed | foreign | a key stands in another place | set /components/securitySchemes/key/in "query"
breaking | security-scheme-removed | foreign | a scheme is removed | remove /components/securitySchemes/oauth
# What the service sends by itself.
breaking | response-field-removed | foreign | a callback no longer has a field | remove /components/schemas/Event/properties/at
# What means nothing.
change | nothing | shop | a member of somebody's own changes | set CREATE/properties/quantity/x-theirs 2
change | nothing | shop | words change | set /info/title "Other" ; set ORDER/total/description "x" ; set /paths/~1orders/get/summary "y"
change | nothing | foreign | an exclusive bound of 3.0 is written as in 3.1 | remove THING/count/minimum ; set THING/count/exclusiveMinimum 1
change | nothing | foreign | a schema is written out in the place of its reference | copy /components/schemas/Thing/allOf/0 /components/schemas/Base
change | nothing | foreign | a parameter of a path gets another name | move /paths/~1things~1{thing} /paths/~1things~1{id} ; set /paths/~1things~1{id}/parameters/0/name "id"
`;

export const mutations: readonly Mutation[] = TABLE.split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [kind, rule, document, what, steps] = line.split(" | ") as [
      ChangeKind,
      string,
      string,
      string,
      string,
    ];
    const apply = (changed: unknown): void => {
      for (const step of steps.split(" ; ")) take(step, changed);
    };
    return { kind, rule, document, what, apply };
  });

// biome-ignore lint/suspicious/noExplicitAny: documents are changed at every depth.
type Any = any;

function take(step: string, document: Any): void {
  const [, verb, at = "", value = ""] = /^(\w+) (\S+) ?(.*)$/.exec(step) ?? [];
  const [inside, name] = placeIn(document, at);
  if (verb === "set") inside[name] = JSON.parse(value);
  else if (verb === "push") inside[name].push(JSON.parse(value));
  else if (verb === "copy") inside[name] = valueAt(document, value);
  else {
    if (verb === "move") take(`set ${value} ${JSON.stringify(inside[name])}`, document);
    if (!(name in inside)) throw new Error(`${step}: there is no such place`);
    if (Array.isArray(inside)) inside.splice(Number(name), 1);
    else delete inside[name];
  }
}

function placeIn(document: Any, at: string): [inside: Any, name: string] {
  const place = at.replace(/^[A-Z]+(?=\/)/, (name) => PLACES[name] as string);
  const steps = place
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  const name = steps.pop() as string;
  return [steps.reduce((value, one) => value[one], document), name];
}

function valueAt(document: Any, at: string): unknown {
  const [inside, name] = placeIn(document, at);
  return inside[name];
}
