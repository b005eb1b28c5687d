import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a receiver got in one request, byte for byte. */
export interface Got {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at_ms: number;
}

/** Answers the `nth` request (from 1) to its path. */
export type Behaviour = (response: ServerResponse, nth: number) => void;

/** A receiver of webhooks on this machine, which fails as it is told: a behaviour for each path. */
export class Receiver {
  readonly got: Got[] = [];
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #server = createServer((request, response) => {
    const path = request.url ?? '';
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      this.got.push({ path, headers: request.headers, body, at_ms: performance.now() });
      const behave = this.#behaviours.get(path);
      if (behave === undefined) response.writeHead(204).end();
      else behave(response, this.of(path).length);
    });
  });

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** `127.0.0.1:12345` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  on(path: string, behave: Behaviour): string {
    this.#behaviours.set(path, behave);
    return `http://${this.host}${path}`;
  }

  of(path: string): Got[] {
    return this.got.filter((each) => each.path === path);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** The check of a receiver, written from the text of the specification alone: of what is as it should be, nothing. */
export function flawOf(
  secret: string,
  { headers, body }: Pick<Got, 'headers' | 'body'>,
  now_s: number,
): string | undefined {
  const one = (name: string) => String(headers[name] ?? '');
  const [id, timestamp] = [one('webhook-id'), one('webhook-timestamp')];
  if (id === '' || !/^\d+$/.test(timestamp)) return 'a header is missing';
  if (Math.abs(now_s - Number(timestamp)) > 300) return 'it is too old';
  if (!secret.startsWith('whsec_')) return 'that is no secret';
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const wanted = createHmac('sha256', key)
    .update(Buffer.from(`${id}.${timestamp}.${body}`, 'utf8'))
    .digest('base64');
  const given = one('webhook-signature').split(' ');
  return given.includes(`v1,${wanted}`) ? undefined : 'the signature is another';
}
