/** Named bytes: a folder by default. Keys are relative, with `/`; engine/blobs/layout.ts makes them. */
export interface BlobReader {
  get(key: string): Promise<Uint8Array | undefined>;
  /** The same, of which only the parts that are asked for are read, into memory that is there already: new memory costs more than what is read into it. */
  parts(key: string, room: Room): Promise<Parts | undefined>;
  has(key: string): Promise<boolean>;
  /** Keys below a prefix, sorted. */
  list(prefix: string): Promise<string[]>;
  /** Undefined when it is not there. */
  stat(key: string): Promise<BlobFacts | undefined>;
  /** Its bytes, or a part of them, without holding them all. */
  read(key: string, part?: Part): AsyncIterable<Uint8Array>;
  /** A URL that reads this one object, from this machine, for `ttl_s` seconds. */
  signGet(key: string, ttl_s: number): Promise<SignedUrl>;
}

export interface Blobs extends BlobReader {
  /** All or nothing: a reader sees the old bytes or the new ones. `durable` (default) also outlives a power cut. */
  put(key: string, bytes: Uint8Array | string, durable?: boolean): Promise<void>;
  /** Takes over a finished file of this machine by name, without reading it where the backend can. */
  putFile(key: string, path: string): Promise<void>;
  /** The same for bytes on their way, which must keep to `limits`: UPLOAD_REFUSED, and nothing is there. */
  putStream(key: string, bytes: AsyncIterable<Uint8Array>, limits: PutLimits): Promise<void>;
  /** A URL that writes this one object, from this machine, for `ttl_s` seconds. */
  signPut(key: string, ttl_s: number, limits: PutLimits): Promise<SignedUrl>;
  delete(prefix: string): Promise<void>;
  /**
   * Removes what a killed process was about to put below a prefix. For those alone there; where others may be writing, what is at least
   * `age_ms` old.
   */
  tidy(prefix: string, age_ms?: number): Promise<void>;
  /** Where the bytes can be read as a file of this machine. */
  pathOf(key: string): string;
}

/** At least so many bytes, whose contents nobody needs any more. */
export type Room = (bytes: number) => Uint8Array;

/** An object that is read in parts into memory of its whole size. */
export interface Parts {
  /** All of it; what was not loaded is anything. */
  readonly bytes: Uint8Array;
  /** Reads the bytes from `first` up to `end`. HOME_BUSY: the object is not any more what it was. */
  load(first: number, end: number): Promise<void>;
  /** At once, for who cannot wait. */
  loadNow(first: number, end: number): void;
}

export interface BlobFacts {
  readonly bytes: number;
  /** Unix time of its last change. */
  readonly modified_ms: number;
}

/** Bytes of an object, both ends among them. */
export interface Part {
  readonly first: number;
  readonly last: number;
}

export interface PutLimits {
  readonly bytes_max: number;
  /** What the bytes must have, if anything. */
  readonly sha256?: string | undefined;
  /** Whether an object that is there is replaced; else it stays. */
  readonly replace: boolean;
}

export interface SignedUrl {
  readonly url: string;
  readonly method: 'GET' | 'PUT';
  /** Unix time. */
  readonly expires_ms: number;
}

/** The longest life of a signed URL. */
export const TTL_S_MAX = 900;
