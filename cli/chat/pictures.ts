import { deflateSync } from 'node:zlib';
import { decodePicture } from '#engine/media/pictures.ts';
import { kindOf, readBelow } from '#mcps/kit/pictures.ts';

/** How a terminal takes pictures among its text: iTerm2's files (OSC 1337), or kitty's pixels (APC G). */
export type Drawing = 'iterm' | 'kitty';

const ITERM = ['iTerm.app', 'WezTerm'];
/** Of one message; more are links alone. */
const PICTURES_MAX = 4;
const BYTES_MAX = 3 * 2 ** 20;
const COLUMNS_MAX = 100;
/** Of base64 in one sequence of kitty's. */
const CHUNK = 4096;

/** By what the terminal's program says of itself. Undefined: it has not said so, something stands in between, or it is no terminal. */
export function drawingOf(env: NodeJS.ProcessEnv, { isTTY }: Pick<NodeJS.WriteStream, 'isTTY'>): Drawing | undefined {
  const { TERM_PROGRAM = '', LC_TERMINAL, TERM, KITTY_WINDOW_ID, TMUX, STY } = env;
  if (!isTTY || TMUX || STY) return undefined; // tmux and screen pass no pictures on
  if (TERM === 'xterm-kitty' || KITTY_WINDOW_ID || TERM_PROGRAM === 'ghostty') return 'kitty';
  return ITERM.includes(TERM_PROGRAM) || LC_TERMINAL === 'iTerm2' ? 'iterm' : undefined;
}

/** Contact sheets of the home as the terminal draws them, each with the line after it; what cannot be read is left out. */
export async function drawn(paths: readonly string[], home: string, drawing: Drawing, columns = 80): Promise<string[]> {
  const width = Math.min(columns, COLUMNS_MAX);
  const texts: string[] = [];
  for (const path of [...new Set(paths)].slice(0, PICTURES_MAX)) {
    const bytes = await readBelow(home, path, BYTES_MAX);
    if (bytes === undefined || kindOf(bytes) === undefined) continue;
    const text = drawing === 'iterm' ? asFile(bytes, width) : await asPixels(bytes, width).catch(() => undefined);
    if (text !== undefined) texts.push(`${text}\n`);
  }
  return texts;
}

/** https://iterm2.com/documentation-images.html */
function asFile(bytes: Uint8Array, columns: number): string {
  const data = Buffer.from(bytes).toString('base64');
  return `\x1b]1337;File=inline=1;size=${bytes.length};width=${columns};preserveAspectRatio=1:${data}\x07`;
}

/** https://sw.kovidgoyal.net/kitty/graphics-protocol: it reads no JPEG, so deflated RGB; q=2: it answers nothing, since answers would be read as typed. */
async function asPixels(bytes: Uint8Array, columns: number): Promise<string> {
  const { width, height, rgb } = await decodePicture(bytes);
  const chunks =
    deflateSync(rgb)
      .toString('base64')
      .match(new RegExp(`.{1,${CHUNK}}`, 'g')) ?? [];
  return chunks
    .map((chunk, at) => {
      const first = at === 0 ? `a=T,f=24,o=z,s=${width},v=${height},c=${columns},` : '';
      return `\x1b_G${first}q=2,m=${at < chunks.length - 1 ? 1 : 0};${chunk}\x1b\\`;
    })
    .join('');
}
