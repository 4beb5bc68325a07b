import { z } from "zod";
import { size } from "../../core/values.ts";

export const bodyLimitOptions = z.strictObject({
  max: size({ min: "0b", max: "1024gb" }).describe(
    "Largest body of a request. It can only lower what `limits.body` of the route lets pass.",
  ),
});
