import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MetricRegistry, mergeSnapshots, renderMetrics } from "./metrics.ts";

const render = (...registries: MetricRegistry[]): string =>
  renderMetrics(mergeSnapshots(registries.map((registry) => registry.snapshot())));

describe("metrics", () => {
  test("are written as Prometheus reads them, sorted by name", () => {
    const registry = new MetricRegistry();
    registry.counter("b_total", "Second.", ["route"]).with({ route: "orders" }).add(2);
    registry.gauge("a", "First.", () => 7);
    assert.equal(
      render(registry),
      "# HELP a First.\n# TYPE a gauge\na 7\n" +
        '# HELP b_total Second.\n# TYPE b_total counter\nb_total{route="orders"} 2\n',
    );
  });

  test("show a state that all threads see alike once, until it is taken away", () => {
    const [one, two] = [new MetricRegistry(), new MetricRegistry()];
    const stops = [one, two].map((registry) =>
      registry.states("open", "Open.", ["circuit"], () => [[{ circuit: "carrier" }, 2]]),
    );
    one.states("open", "Open.", ["circuit"], () => [[{ circuit: "other" }, 0]]);
    assert.equal(
      render(one, two),
      '# HELP open Open.\n# TYPE open gauge\nopen{circuit="carrier"} 2\nopen{circuit="other"} 0\n',
    );
    for (const stop of stops) stop();
    assert.equal(render(one, two), '# HELP open Open.\n# TYPE open gauge\nopen{circuit="other"} 0\n');
  });

  test("of several threads are added up, series by series", () => {
    const [one, two] = [new MetricRegistry(), new MetricRegistry()];
    for (const [registry, amount] of [
      [one, 1],
      [two, 10],
    ] as const) {
      const counter = registry.counter("calls_total", "Calls.", ["method"]);
      counter.with({ method: "GET" }).add(amount);
      registry.gauge("open", "Open.", () => amount);
      registry.histogram("seconds", "Time.", [], [1, 5]).with({}).observe(amount);
    }
    two.counter("calls_total", "Calls.", ["method"]).with({ method: "POST" }).add(5);
    const text = render(one, two);
    assert.match(text, /^calls_total\{method="GET"\} 11$/m);
    assert.match(text, /^calls_total\{method="POST"\} 5$/m);
    assert.match(text, /^open 11$/m);
    assert.match(text, /^seconds_sum 11$/m);
    assert.match(text, /^seconds_count 2$/m);
  });

  test("count a value in the first bucket whose end it does not exceed, and in all above", () => {
    const registry = new MetricRegistry();
    const series = registry.histogram("s", "S.", ["r"], [0.1, 1]).with({ r: "x" });
    for (const value of [0.1, 0.11, 1, 1.01]) series.observe(value);
    const buckets = [...render(registry).matchAll(/s_bucket\{r="x",le="([^"]+)"\} (\d+)/g)];
    assert.deepEqual(
      buckets.map(([, end, count]) => [end, count]),
      [
        ["0.1", "1"],
        ["1", "3"],
        ["+Inf", "4"],
      ],
    );
  });

  test("escape what a label value may hold", () => {
    const registry = new MetricRegistry();
    registry.counter("c_total", "C.", ["v"]).with({ v: 'a"b\\c\nd' }).add();
    assert.match(render(registry), /^c_total\{v="a\\"b\\\\c\\nd"\} 1$/m);
  });

  test("hold a bounded number of series: what comes later counts as other, and nothing is lost", () => {
    const registry = new MetricRegistry();
    const counter = registry.counter("c_total", "C.", ["consumer"]);
    for (let i = 0; i < 5_000; i++) counter.with({ consumer: `c${i}` }).add();
    const lines = [...render(registry).matchAll(/^c_total\{consumer="([^"]+)"\} (\d+)$/gm)];
    assert.equal(lines.length, 1_001);
    assert.equal(
      lines.reduce((sum, [, , count]) => sum + Number(count), 0),
      5_000,
    );
    assert.equal(lines.find(([, consumer]) => consumer === "other")?.[2], "4000");
  });

  test("registered twice are one", () => {
    const registry = new MetricRegistry();
    registry.counter("c_total", "C.", []).with({}).add();
    registry.counter("c_total", "C.", []).with({}).add();
    assert.match(render(registry), /^c_total 2$/m);
  });
});
