/** Past so many different ones they are made afresh: callers come back, and few are there at a time. */
const MOST = 4_096;

/** What a text stands for, worked out once for each text. */
export function boundedMemo<Value>(make: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      value = make(text);
      if (known.size >= MOST) known.clear();
      known.set(text, value);
    }
    return value;
  };
}
