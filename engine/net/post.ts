import { connect } from './follow.ts';

export interface Post {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Plain http and private addresses are what was meant. */
  readonly allow_private: boolean;
  /** From connecting to the last byte that is read. */
  readonly timeout_ms: number;
  /** Of the answer's body; nothing in it is used. */
  readonly response_bytes_max: number;
  readonly signal: AbortSignal;
}

export interface Posted {
  readonly status: number;
  readonly retry_after: string | undefined;
}

/**
 * Sends, and waits for the whole answer, as far as it is not too long. Redirects are answers like any other. Throws Refused, PrivateHost,
 * a TimeoutError or AbortError, or what the network says.
 */
export async function post({ timeout_ms, response_bytes_max, ...call }: Post): Promise<Posted> {
  const { url, body, headers, allow_private } = call;
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(timeout_ms)]);
  try {
    const response = await connect({
      url,
      allow_private_hosts: allow_private,
      headers,
      body,
      signal,
      idle_ms: timeout_ms,
    });
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > response_bytes_max) break; // which ends the connection
    }
    return { status: response.statusCode ?? 0, retry_after: response.headers['retry-after'] };
  } catch (error) {
    signal.throwIfAborted(); // in words of ours, whatever was under way
    throw error;
  }
}
