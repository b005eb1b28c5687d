/** Named bytes: a folder by default. Keys are relative, with `/`; engine/blobs/layout.ts makes them. */
export interface BlobReader {
  get(key: string): Promise<Uint8Array | undefined>;
  has(key: string): Promise<boolean>;
  /** Keys below a prefix, sorted. */
  list(prefix: string): Promise<string[]>;
}

export interface Blobs extends BlobReader {
  /** All or nothing: a reader sees the old bytes or the new ones. `durable` (default) also outlives a power cut. */
  put(key: string, bytes: Uint8Array | string, durable?: boolean): Promise<void>;
  /** Takes over a finished file of this machine by name, without reading it where the backend can. */
  putFile(key: string, path: string): Promise<void>;
  delete(prefix: string): Promise<void>;
  /** Removes what a killed process was about to put below a prefix. For those alone there: nobody else may be writing. */
  tidy(prefix: string): Promise<void>;
  /** Where the bytes can be read as a file of this machine. */
  pathOf(key: string): string;
}
