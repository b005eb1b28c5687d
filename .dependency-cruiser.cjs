/**
 * The walls of the house (docs/ARCHITECTURE.md): each room imports only from rooms to its left,
 * config <- engine <- mcps/kit <- mcps/{screenalytics|storage|postgres} <- agents <- cli, and each vendor has one door.
 * Run by scripts/walls.mjs.
 */

/** A vendor may be imported only from its door; tests may look behind it. */
function door(vendor, packages, doors, lesson) {
  return {
    name: `one-door-to-${vendor}`,
    comment: lesson,
    severity: 'error',
    from: { pathNot: [...doors, '^tests/'] },
    to: { path: `(^|/)node_modules/(@types/)?(${packages})/` },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment:
        'Two files that need each other are one idea, or hide a third one: move what both need into a file of its own.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-unresolved',
      comment: 'An import that leads nowhere. Is the `.ts` suffix there, and is the package in package.json?',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-feature-in-the-product',
      comment:
        'What lies in FEATURES/ is not part of the product yet: promote it first (screenalytics feature promote).',
      severity: 'error',
      from: { pathNot: '^FEATURES/' },
      to: { path: '^FEATURES/' },
    },
    {
      name: 'features-are-strangers',
      comment: 'A feature imports no other feature: one of them may be dropped.',
      severity: 'error',
      from: { path: '^FEATURES/([^/]+)/' },
      to: { path: '^FEATURES/', pathNot: '^FEATURES/$1/' },
    },
    {
      name: 'config-knows-nobody',
      comment: 'config/ says what may be changed; it never does anything with it. Move the doing into engine/.',
      severity: 'error',
      from: { path: '^config/' },
      to: { path: '^(engine|mcps|agents|cli|tests)/' },
    },
    {
      name: 'engine-knows-nothing-above-it',
      comment: 'The engine is handed to tools and never reaches up to them. Move the shared part into engine/.',
      severity: 'error',
      from: { path: '^engine/' },
      to: { path: '^(mcps|agents|cli|tests)/' },
    },
    {
      name: 'the-door-knows-no-tool',
      comment: 'mcps/kit runs any tool; it must not know one. Hand it what it needs as an argument.',
      severity: 'error',
      from: { path: '^mcps/kit/' },
      to: { path: '^(mcps/(?!kit/)|agents/|cli/|tests/)' },
    },
    {
      name: 'servers-are-strangers',
      comment: 'A server imports no other server. What two of them need belongs to mcps/kit or to engine/.',
      severity: 'error',
      from: { path: '^mcps/(screenalytics|storage|postgres)/' },
      to: { path: '^mcps/(screenalytics|storage|postgres)/', pathNot: '^mcps/$1/' },
    },
    {
      name: 'servers-know-nothing-above-them',
      comment: 'Tools are asked by agents and the command line, never the other way round.',
      severity: 'error',
      from: { path: '^mcps/' },
      to: { path: '^(agents|cli|tests)/' },
    },
    {
      name: 'agents-act-only-through-tools',
      comment: 'Agents reach data only through tools, so that policy and audit see everything. Ask a tool, or add one.',
      severity: 'error',
      from: { path: '^agents/' },
      to: { path: '^(engine/(?!core/)|cli/|tests/)' },
    },
    {
      name: 'only-tests-import-tests',
      comment: 'What tests need stays with the tests; the product must run without them.',
      severity: 'error',
      from: { pathNot: '^tests/' },
      to: { path: '^tests/' },
    },
    {
      name: 'stages-are-strangers',
      comment:
        'A stage imports no other stage: they meet in artifacts. Only episode.ts knows them all. A part of stage x is x-part.ts.',
      severity: 'error',
      from: { path: '^engine/stages/([^/]+)\\.ts$', pathNot: '^engine/stages/episode\\.ts$' },
      to: { path: '^engine/stages/[^/]+\\.ts$', pathNot: '^engine/stages/$1[-.]' },
    },
    {
      name: 'core-and-math-are-at-the-bottom',
      comment:
        'core/ and math/ know words and numbers: no media, no model, no SQL. Move what needs those into its own room.',
      severity: 'error',
      from: { path: '^engine/(core|math)/' },
      to: { path: '^(engine/(?!core/|math/)|mcps/|agents/|cli/)' },
    },
    {
      name: 'core-and-math-know-no-vendor',
      comment:
        'core/ and math/ import no package but zod (and core/log.ts the logger), so that anything may import them.',
      severity: 'error',
      from: { path: '^engine/(core|math)/', pathNot: '^engine/core/log\\.ts$' },
      to: { path: '(^|/)node_modules/', pathNot: '/?node_modules/zod/' },
    },
    door(
      'postgres',
      'pg|pgvector|@electric-sql/[^/]+',
      ['^engine/store/', '^engine/analytics/'],
      "SQL is spoken in engine/store, and other people's in engine/analytics. Ask one of their functions, or add one there.",
    ),
    door(
      'the-sql-parser',
      'libpg-query',
      ['^engine/analytics/sql-parser\\.ts$'],
      'SQL of others is parsed through engine/analytics/sql-parser.ts, and judged by sql-guard.ts.',
    ),
    door(
      'onnxruntime',
      'onnxruntime-(node|common)',
      ['^engine/models/session\\.ts$'],
      'Models run through engine/models/session.ts: it chooses and records the provider.',
    ),
    door(
      'sharp',
      'sharp',
      ['^engine/media/', '^engine/report/', '^engine/sample/'],
      'Pictures are read and written through engine/media/pictures.ts.',
    ),
    door(
      'the-protocol-of-agents',
      '@modelcontextprotocol/[^/]+',
      ['^mcps/kit/'],
      'MCP is spoken in mcps/kit only. A server is a face (mcps/kit/server-face.ts): tools, resources, prompts.',
    ),
    door(
      'jose',
      'jose',
      ['^mcps/kit/http-auth\\.ts$'],
      'Tokens are checked in mcps/kit/http-auth.ts, and go no further.',
    ),
    door(
      'the-queue',
      'bullmq|ioredis',
      ['^engine/queue/bullmq\\.ts$'],
      'Jobs are queued through engine/queue/queue.ts: the queue holds ids of rows and nothing else.',
    ),
    door(
      'the-agents-sdk',
      '@openai/[^/]+|openai',
      ['^agents/sdk(-ask)?\\.ts$'],
      'Agents run through agents/sdk.ts and sdk-ask.ts: tracing off, tools of ours alone.',
    ),
    door('vega', 'vega(-lite)?', ['^engine/report/'], 'Charts are drawn in engine/report.'),
    door(
      'the-terminal',
      'commander|cli-progress|cli-table3',
      ['^cli/'],
      'Only cli/ knows that there is a terminal. Return data, or call progress.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
