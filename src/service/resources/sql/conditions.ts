import type { FieldValue } from "../../../core/resource.ts";
import type { Filter, Selection } from "../store.ts";
import type { Column } from "./columns.ts";
import type { Parameters } from "./parameters.ts";
import type { Table } from "./table.ts";

const OPERATORS = { gt: ">", gte: ">=", lt: "<", lte: "<=" } as const;

/** All that a row has to fulfil to be in the list. */
export function conditionsOf(
  table: Table,
  { owner, filters }: Pick<Selection, "owner" | "filters">,
  parameters: Parameters,
): string[] {
  return [
    ...table.base(owner, parameters),
    ...filters.map((filter) => conditionOf(table, filter, parameters)),
  ];
}

function conditionOf(table: Table, { field, comparison, values }: Filter, parameters: Parameters): string {
  const column = table.column(field);
  const [value = null] = values;
  switch (comparison) {
    case "null":
      return `${column.compared} IS ${value === true ? "NULL" : "NOT NULL"}`;
    case "in":
      return values.length === 0 ? "1 = 0" : table.isOneOf(field, values, parameters);
    case "eq":
      return equals(column, value, parameters);
    case "ne":
      return differs(table, column, value, parameters);
    default:
      return `${column.compared} ${OPERATORS[comparison]} ${given(column, value, parameters)}`;
  }
}

const given = ({ typed, toParameter }: Column, value: FieldValue, parameters: Parameters): string =>
  typed(parameters.put(toParameter(value)));

/** Of a long text its beginning, too: that is what an index has. */
function equals(column: Column, value: FieldValue, parameters: Parameters): string {
  const { compared, sorted } = column;
  const whole = `${compared} = ${given(column, value, parameters)}`;
  if (sorted === compared) return whole;
  return `${sorted} = ${parameters.put(column.toSorted(value))} AND ${whole}`;
}

/** An object without a value has another one. */
function differs({ dialect }: Table, column: Column, value: FieldValue, parameters: Parameters): string {
  const operator = dialect === "sqlite" ? "IS NOT" : "IS DISTINCT FROM";
  return `${column.compared} ${operator} ${given(column, value, parameters)}`;
}
