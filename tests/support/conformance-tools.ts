import type {
  CallToolResult,
  InputRequiredResult,
  McpServer,
  ServerContext,
  StandardSchemaWithJSON,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

type Handler = (args: Record<string, unknown>, ctx: ServerContext) => Promise<CallToolResult | InputRequiredResult>;

export function addTool(
  server: McpServer,
  name: string,
  run: Handler,
  inputSchema: StandardSchemaWithJSON = NONE,
): void {
  const call = (args: unknown, ctx: ServerContext) => run({ ...(args as object) }, ctx);
  server.registerTool(name, { description: `Fixture ${name}`, inputSchema }, call);
}
const NONE = z.object({});

export function text(words: string): CallToolResult {
  return { content: [{ type: 'text', text: words }] };
}
