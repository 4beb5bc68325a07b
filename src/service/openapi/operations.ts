/** The operations of a resource, each as the document shows it. */
import type { Access, Action, Resource, SubList, Verb } from "../../core/resource.ts";
import { jsonOf } from "../resources/json-of.ts";
import { deleted, listAnswer, notModified, objectAnswer } from "./answers.ts";
import type { Traits } from "./error-codes.ts";
import { errorResponses } from "./error-responses.ts";
import { pascal, type UniqueNames } from "./names.ts";
import {
  conditionParameters,
  idParameter,
  keyParameter,
  listParameters,
  shownParameters,
  versionParameters,
} from "./parameters.ts";
import { actionBody, createBody, replaceBody, updateBody } from "./request-bodies.ts";
import { securityOf } from "./security.ts";
import type { Described, Json, Making } from "./types.ts";
import { aWord, wordsOf } from "./words.ts";

/** By method, in lower case. */
export type PathItem = Record<string, Json>;

/** What makes an operation, beside its resource. */
interface Sketch {
  readonly id: string;
  readonly kind: Traits["kind"];
  readonly summary: string;
  readonly description?: string;
  readonly parameters: readonly Json[];
  readonly requestBody?: Json | null;
  readonly answers: Json;
  readonly access: readonly Access[];
  /** Whose objects it is about. */
  readonly concerned: readonly Resource[];
  readonly named: boolean;
  /** By field, the values that an object must have. */
  readonly from?: Json;
}

/** An object that a list is inside of. */
export interface Inside {
  readonly parent: Described;
  readonly sublist: SubList;
}

export class Operations {
  readonly #described: Described;
  readonly #making: Making;
  readonly #ids: UniqueNames;

  constructor(described: Described, making: Making, ids: UniqueNames) {
    this.#described = described;
    this.#making = making;
    this.#ids = ids;
  }

  /** `/orders`, or `/customers/{id}/orders`. */
  collection(inside: Inside | null): PathItem {
    return {
      ...this.#reading("list", (id) => this.#list(id, inside)),
      ...this.#offered("post", "create", () => this.#create(inside)),
    };
  }

  /** `/orders/{id}` */
  object(): PathItem {
    return {
      ...this.#reading("get", (id) => this.#get(id)),
      ...this.#offered("put", "replace", () => this.#replace()),
      ...this.#offered("patch", "update", () => this.#update()),
      ...this.#offered("delete", "delete", () => this.#delete()),
    };
  }

  /** `/orders/{id}/cancel` */
  action(action: Action): PathItem {
    const { noun, resource } = this.#described;
    const making = this.#making;
    const kind = "action";
    return {
      post: this.#made({
        ...{
          id: this.#ids.take(lower(action.name) + noun),
          kind,
          summary: `${title(action.name)} ${aWord(resource)}`,
        },
        ...(action.summary === "" ? {} : { description: action.summary }),
        parameters: [idParameter(this.#described, making), ...this.#shownAndBound(), keyParameter(making)],
        requestBody: actionBody(this.#described, action, making),
        answers: { 200: objectAnswer(this.#described, { isNew: false, keyed: true }, making) },
        access: [action.access],
        ...this.#aboutObjects(),
        from: possibleFrom(action, this.#described),
      }),
    };
  }

  /** GET, and the same without a body. */
  #reading(verb: "list" | "get", make: (prefix: string) => Json): PathItem {
    return this.#described.resource.verbs.has(verb)
      ? { get: make(verb), head: withoutBodies(make("head")) }
      : {};
  }

  #offered(method: string, verb: Verb, make: () => Json): PathItem {
    return this.#described.resource.verbs.has(verb) ? { [method]: make() } : {};
  }

  #list(prefix: string, inside: Inside | null): Json {
    const { resource, plural } = this.#described;
    const making = this.#making;
    const words = resource.name.replaceAll("_", " ");
    return this.#made({
      id: this.#ids.take(
        prefix + (inside?.parent.noun ?? "") + (inside === null ? plural : pascal(inside.sublist.segment)),
      ),
      kind: "list",
      summary: inside === null ? `List ${words}` : `List the ${words} of ${aWord(inside.parent.resource)}`,
      parameters: [...this.#parentId(inside), ...listParameters(this.#described, making)],
      answers: { 200: listAnswer(this.#described, making) },
      ...this.#accessIn("list", inside),
    });
  }

  #create(inside: Inside | null): Json {
    const { resource, noun } = this.#described;
    const making = this.#making;
    const owner = inside === null ? "" : `${inside.parent.noun}${pascal(inside.sublist.segment)}`;
    return this.#made({
      id: this.#ids.take(inside === null ? `create${noun}` : `createIn${owner}`),
      kind: "create",
      summary:
        inside === null
          ? `Create ${aWord(resource)}`
          : `Create ${aWord(resource)} of ${aWord(inside.parent.resource)}`,
      parameters: [
        ...this.#parentId(inside),
        ...shownParameters(this.#described, making),
        keyParameter(making),
      ],
      requestBody: createBody(this.#described, inside?.sublist.field ?? null, making),
      answers: { 201: objectAnswer(this.#described, { isNew: true, keyed: true }, making) },
      ...this.#accessIn("create", inside),
    });
  }

  #get(prefix: string): Json {
    const { noun, resource } = this.#described;
    const making = this.#making;
    return this.#made({
      ...{ id: this.#ids.take(prefix + noun), kind: "get", summary: `Get ${aWord(resource)}` },
      parameters: [
        ...[idParameter(this.#described, making), ...shownParameters(this.#described, making)],
        ...conditionParameters(true, false, making),
      ],
      answers: {
        200: objectAnswer(this.#described, { isNew: false, keyed: false }, making),
        304: notModified(making),
      },
      access: [resource.access.get],
      ...this.#aboutObjects(),
    });
  }

  #replace(): Json {
    const { noun, resource } = this.#described;
    const making = this.#making;
    const makes = resource.idRule.kind === "given" && resource.verbs.has("create");
    const created = { 201: objectAnswer(this.#described, { isNew: true, keyed: true }, making) };
    return this.#made({
      ...{ id: this.#ids.take(`replace${noun}`), kind: "replace", summary: `Replace ${aWord(resource)}` },
      ...(makes ? { description: "Creates it where there is none with this id." } : {}),
      parameters: [idParameter(this.#described, making), ...this.#shownAndBound(), keyParameter(making)],
      requestBody: replaceBody(this.#described, making),
      answers: {
        200: objectAnswer(this.#described, { isNew: false, keyed: true }, making),
        ...(makes ? created : {}),
      },
      access: [resource.access.replace],
      ...this.#aboutObjects(),
    });
  }

  #update(): Json {
    const { noun, resource } = this.#described;
    const making = this.#making;
    return this.#made({
      ...{ id: this.#ids.take(`update${noun}`), kind: "update", summary: `Change ${aWord(resource)}` },
      description: "A merge patch (RFC 7396): what the body leaves out stays as it is.",
      parameters: [idParameter(this.#described, making), ...this.#shownAndBound(), keyParameter(making)],
      requestBody: updateBody(this.#described, making),
      answers: { 200: objectAnswer(this.#described, { isNew: false, keyed: true }, making) },
      access: [resource.access.update],
      ...this.#aboutObjects(),
    });
  }

  #delete(): Json {
    const { noun, resource } = this.#described;
    const making = this.#making;
    return this.#made({
      ...{ id: this.#ids.take(`delete${noun}`), kind: "delete", summary: `Delete ${aWord(resource)}` },
      parameters: [idParameter(this.#described, making), ...this.#bound(), keyParameter(making)],
      answers: { 204: deleted(making) },
      access: [resource.access.delete],
      ...this.#aboutObjects(),
    });
  }

  #shownAndBound(): Json[] {
    return [...shownParameters(this.#described, this.#making), ...this.#bound()];
  }

  #bound(): Json[] {
    return conditionParameters(false, this.#described.resource.preconditions === "required", this.#making);
  }

  #aboutObjects(): Pick<Sketch, "concerned" | "named"> {
    return { concerned: [this.#described.resource], named: true };
  }

  /** Whoever asks for what is inside of an object has to be allowed to see that one. */
  #accessIn(verb: Verb, inside: Inside | null): Pick<Sketch, "access" | "concerned" | "named"> {
    const { resource } = this.#described;
    if (inside === null) return { access: [resource.access[verb]], concerned: [resource], named: false };
    const around = inside.parent.resource;
    const look: Access[] = around.verbs.has("get") ? [around.access.get] : [];
    return { access: [resource.access[verb], ...look], concerned: [resource, around], named: true };
  }

  #parentId(inside: Inside | null): Json[] {
    return inside === null ? [] : [idParameter(inside.parent, this.#making)];
  }

  #made(sketch: Sketch): Json {
    const making = this.#making;
    const { resource } = this.#described;
    const changes = ["replace", "update", "delete", "action"].includes(sketch.kind);
    const bound = changes && resource.preconditions === "required";
    const referred = [...making.resources.values()].some(({ fields }) =>
      fields.some(({ reference }) => reference?.resource === resource.name),
    );
    const { kind, named } = sketch;
    const traits = { kind, named, versioned: making.version !== null, bound, referred };
    return {
      tags: [resource.name],
      summary: sketch.summary,
      ...(sketch.description === undefined ? {} : { description: sketch.description }),
      operationId: sketch.id,
      parameters: [...sketch.parameters, ...versionParameters(making)],
      ...(sketch.requestBody == null ? {} : { requestBody: sketch.requestBody }),
      responses: { ...sketch.answers, ...errorResponses(traits, making) },
      security: securityOf(sketch.access, sketch.concerned, making),
      ...(Object.keys(sketch.from ?? {}).length === 0 ? {} : { "x-possible-from": sketch.from }),
      ...(making.version?.deprecated == null ? {} : { deprecated: true }),
    };
  }
}

/** What a version does not show, its clients cannot know. */
const possibleFrom = ({ from }: Action, { view }: Described): Json =>
  Object.fromEntries(
    view.fields.flatMap(({ name, field }) => {
      const values = from.get(field);
      return values === undefined
        ? []
        : [[name, values.map((value) => (value === null ? null : jsonOf(field, value)))]];
    }),
  );

const lower = (name: string): string => pascal(name).replace(/^./, (first) => first.toLowerCase());

const title = (name: string): string =>
  wordsOf({ singular: name.replaceAll("-", "_") }).replace(/^./, (first) => first.toUpperCase());

/** HEAD: the same fields of the header, and no body. */
function withoutBodies(operation: Json): Json {
  const { summary, responses, ...others } = operation;
  const {
    200: { content: _, ...answer },
    ...errors
  } = responses as { readonly 200: Json };
  return {
    ...others,
    summary: `${summary as string}, without a body`,
    responses: { 200: answer, ...errors },
  };
}
