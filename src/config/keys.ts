import { z } from "zod";

/** Which keys a schema knows, and where: for suggestions in messages. */

/** The keys of the object at a path; of a choice, those of every shape. */
export function knownKeys(schema: z.ZodType, path: readonly (string | number)[]): string[] {
  return shapesAt(schema, path).flatMap((shape) =>
    shape instanceof z.ZodObject ? Object.keys(shape.shape) : [],
  );
}

/** Whether a number or a truth value is wanted at a path. */
export function wanted(
  schema: z.ZodType,
  path: readonly (string | number)[],
): "number" | "boolean" | undefined {
  const shapes = shapesAt(schema, path);
  if (shapes.some((shape) => shape instanceof z.ZodNumber)) return "number";
  return shapes.some((shape) => shape instanceof z.ZodBoolean) ? "boolean" : undefined;
}

function shapesAt(schema: z.ZodType, path: readonly (string | number)[]): z.ZodType[] {
  let reached = [schema];
  for (const part of path)
    reached = reached.flatMap((one) => shapes(one).flatMap((shape) => step(shape, part)));
  return reached.flatMap(shapes);
}

/** Every key that a schema knows anywhere, with the objects that it belongs in: `routes[].to`, `upstreams.<name>`. */
export function placesByKey(schema: z.ZodType): Map<string, Set<string>> {
  const places = new Map<string, Set<string>>();
  collect(schema, "", places);
  return places;
}

function collect(schema: z.ZodType, path: string, places: Map<string, Set<string>>): void {
  for (const shape of shapes(schema)) {
    if (shape instanceof z.ZodArray) collect(shape.element as z.ZodType, `${path}[]`, places);
    if (shape instanceof z.ZodRecord) collect(shape.valueType as z.ZodType, `${path}.<name>`, places);
    if (!(shape instanceof z.ZodObject)) continue;
    for (const [key, inner] of Object.entries(shape.shape)) {
      if (path !== "") places.set(key, (places.get(key) ?? new Set()).add(path));
      collect(inner as z.ZodType, path === "" ? key : `${path}.${key}`, places);
    }
  }
}

function step(schema: z.ZodType, part: string | number): z.ZodType[] {
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  if (schema instanceof z.ZodRecord) return [schema.valueType as z.ZodType];
  const inner = schema instanceof z.ZodObject ? schema.shape[part] : undefined;
  return inner === undefined ? [] : [inner as z.ZodType];
}

/** What is under defaults, transformations and choices. */
function shapes(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(shapes);
  if (schema instanceof z.ZodPipe) return shapes(schema.in as z.ZodType);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return shapes(schema.unwrap() as z.ZodType);
  }
  return [schema];
}
