/** How a call is sent again: how often at most, and the pauses, which double. */
export interface Retries {
  most: number;
  firstMs: number;
  longestMs: number;
}

/** Whom to call, and as whom.  A function for the token is asked at each call. */
export interface ClientOptions {
  url: string;
  token?: string | (() => string | Promise<string>);
  timeoutMs?: number;
  retries?: Retries;
  fetch?: typeof fetch;
}

/**
 * Of one call: `timeoutMs` bounds it with all its repetitions, and the server is told.  With
 * `repeatLost`, what was perhaps done is sent again too: a prediction may be logged twice then.
 */
export interface CallOptions {
  timeoutMs?: number;
  repeatLost?: boolean;
  signal?: AbortSignal;
}

/** A server refused a call; `code` is what `mainspring explain` explains. */
export class CallRefused extends Error {
  override readonly name = "CallRefused";
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly remedy: string,
  ) {
    super(`${status} ${code}: ${detail}`);
  }
}

/** No answer came within the time, or the server could not be reached. */
export class CallTimedOut extends Error {
  override readonly name = "CallTimedOut";
}

/** The connection broke after a call was sent, so nobody knows whether it was answered. */
export class AnswerLost extends Error {
  override readonly name = "AnswerLost";
}

interface Sent {
  method: string;
  path: string;
  mayRepeat: boolean;
  answers: number[];
  body?: BodyInit;
  media?: string;
  query?: Record<string, string | undefined>;
  header?: Record<string, string | undefined>;
}

const NOT_BEGUN = [408, 429, 503];
const PERHAPS_DONE = [502, 504];
const NEVER_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"];

function segment(name: string): string {
  return encodeURIComponent(name);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether the server may have received a call that ended with this error. */
function wasSent(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  return !NEVER_SENT.includes(cause?.code ?? "");
}

async function refusalOf(response: Response): Promise<CallRefused> {
  const text = await response.text();
  let problem: { code?: string; detail?: string; remedy?: string } = {};
  try {
    problem = JSON.parse(text) as typeof problem;
  } catch {
    problem = { detail: text.slice(0, 300) };
  }
  const { code = "", detail = "no reason", remedy = "" } = problem;
  return new CallRefused(response.status, code, detail, remedy);
}

/** Sends calls, again where that is safe, each within one deadline. */
export class Caller {
  constructor(private readonly options: ClientOptions) {}

  protected async call<Result>(sent: Sent, options: CallOptions): Promise<Result> {
    const { most, firstMs, longestMs } =
      this.options.retries ?? { most: 4, firstMs: 50, longestMs: 5000 };
    const timeoutMs = options.timeoutMs ?? this.options.timeoutMs ?? 10000;
    const until = Date.now() + timeoutMs;
    const mayRepeat = sent.mayRepeat || options.repeatLost === true;
    for (let repeated = 0; ; repeated += 1) {
      let askedMs = 0;
      let last: Error;
      try {
        const response = await this.send(sent, options, until);
        if (response.ok || sent.answers.includes(response.status)) {
          return (await this.read(response)) as Result;
        }
        const again =
          NOT_BEGUN.includes(response.status) ||
          (mayRepeat && PERHAPS_DONE.includes(response.status));
        askedMs = 1000 * (Number(response.headers.get("retry-after")) || 0);
        last = await refusalOf(response);
        if (!again) throw last;
      } catch (error) {
        if (error instanceof CallRefused || options.signal?.aborted) throw error;
        if (Date.now() >= until) throw this.timedOut(sent, timeoutMs);
        last = error instanceof Error ? error : new Error(String(error));
        if (wasSent(error) && !mayRepeat) {
          throw new AnswerLost(`${sent.method} ${sent.path}: ${last.message}`, { cause: error });
        }
      }
      if (repeated >= most) throw last;
      const longest = Math.min(firstMs * 2 ** repeated, longestMs);
      const waitMs = Math.max(askedMs, longest * (0.5 + 0.5 * Math.random()));
      if (Date.now() + waitMs >= until) throw this.timedOut(sent, timeoutMs, last);
      await pause(waitMs);
    }
  }

  private async send(sent: Sent, options: CallOptions, until: number): Promise<Response> {
    const leftMs = Math.max(1, until - Date.now());
    const headers: Record<string, string> = { "X-Request-Timeout-Ms": String(leftMs) };
    const { token } = this.options;
    const said = typeof token === "function" ? await token() : token;
    if (said) headers["Authorization"] = `Bearer ${said}`;
    if (sent.media) headers["Content-Type"] = sent.media;
    for (const [name, value] of Object.entries(sent.header ?? {})) {
      if (value !== undefined) headers[name] = value;
    }
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(sent.query ?? {})) {
      if (value !== undefined) query.set(name, value);
    }
    const tail = query.size ? `?${query}` : "";
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), leftMs);
    const abort = () => stop.abort(options.signal?.reason);
    options.signal?.addEventListener("abort", abort);
    const init: RequestInit = { method: sent.method, headers, signal: stop.signal };
    if (sent.body !== undefined) init.body = sent.body;
    try {
      const address = this.options.url.replace(/\/+$/, "") + sent.path + tail;
      const response = await (this.options.fetch ?? fetch)(address, init);
      // The body too has to come in time.
      const body = await response.arrayBuffer();
      const { status, statusText } = response;
      const none = status === 204 || status === 304;
      return new Response(none ? null : body, { status, statusText, headers: response.headers });
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
    }
  }

  private async read(response: Response): Promise<unknown> {
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return isJson ? await response.json() : await response.text();
  }

  private timedOut(sent: Sent, timeoutMs: number, cause?: Error): CallTimedOut {
    const said = `${sent.method} ${sent.path} was not answered within ${timeoutMs} ms`;
    return new CallTimedOut(cause ? `${said}: ${cause.message}` : said, { cause });
  }
}
