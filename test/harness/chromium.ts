import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, type BrowserContext, chromium, type Frame, type Page } from "playwright-core";

const EXECUTABLE = "/usr/bin/chromium";

/** `skip` for a test that needs Chromium: a reason where it is missing, unless every test has to run. */
export function withoutChromium(): string | false {
  const { TURNPIKE_REQUIRE_ALL } = process.env;
  if (TURNPIKE_REQUIRE_ALL === "1" || existsSync(EXECUTABLE)) return false;
  return "Chromium is not installed: what browsers make of the answers is NOT tested";
}

/** What came of a `fetch` in a page. */
export interface Fetched {
  /** Of a response that the page may read; 0 where the browser kept it from the page. */
  readonly status: number;
  readonly body: string;
  /** Those that the page may read, lower-case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly credentials?: "include" | "omit";
}

/**
 * A headless browser, and a server of empty pages. `localhost`, its subdomains and `127.0.0.1` all lead to that
 * server: so many origins can a page have.
 */
export class Chromium {
  readonly #browser: Browser;
  readonly #pages: Server;
  readonly #context: BrowserContext;

  private constructor(browser: Browser, context: BrowserContext, pages: Server) {
    this.#browser = browser;
    this.#context = context;
    this.#pages = pages;
  }

  static async start(): Promise<Chromium> {
    const pages = createServer((_, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end("<!doctype html><title>A page</title>");
    });
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    // As root, which is what containers run as, Chromium starts without its own sandbox only.
    const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox"] });
    return new Chromium(browser, await browser.newContext(), pages);
  }

  /** The origin of a page at one of this machine's names. */
  origin(host: string): string {
    return `http://${host}:${(this.#pages.address() as AddressInfo).port}`;
  }

  async page(host: string): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(`${this.origin(host)}/`);
    return page;
  }

  /** A frame without an origin of its own. */
  async sandboxed(host: string): Promise<Frame> {
    const page = await this.page(host);
    const attached = page.waitForEvent("frameattached");
    await page.setContent(`<iframe sandbox="allow-scripts" srcdoc="<p>sandboxed</p>"></iframe>`);
    const frame = await attached;
    await frame.waitForLoadState();
    return frame;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    this.#pages.closeAllConnections();
    await new Promise((resolve) => this.#pages.close(resolve));
  }
}

/** `fetch`, as a script of the page would call it. */
export function fetchIn(page: Page | Frame, url: string, options: FetchOptions = {}): Promise<Fetched> {
  return page.evaluate(
    async ([target, init]) => {
      try {
        const response = await fetch(target, init);
        const { status } = response;
        return { status, body: await response.text(), headers: Object.fromEntries(response.headers) };
      } catch {
        return { status: 0, body: "", headers: {} };
      }
    },
    [url, options] as const,
  );
}
