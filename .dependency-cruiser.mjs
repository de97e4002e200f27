// Who may import whom: one entry a folder of src. The files of src itself and cli/ put everything together and are free.
const layers = {
  config: { never: ['graphql', 'fastify', 'agenda', '@mikro-orm'] },
  entities: { never: ['graphql', 'type-graphql', 'fastify', 'agenda'] },
  migrations: { never: ['graphql', 'type-graphql', 'fastify', 'agenda'] },
  domain: {
    may: ['entities'],
    never: ['graphql', 'type-graphql', '@apollo', 'fastify', '@fastify', 'ws', 'graphql-ws', 'agenda', 'nodemailer'],
  },
  mail: { typesOf: ['domain'], never: ['@mikro-orm', 'kysely', 'pg', 'graphql', 'type-graphql'] },
  files: {
    typesOf: ['domain'],
    never: ['@mikro-orm', 'kysely', 'pg', 'graphql', 'type-graphql', 'fastify', 'nodemailer'],
  },
  'http-fetch': { typesOf: ['domain'], never: ['@mikro-orm', 'kysely', 'pg', 'graphql', 'type-graphql', 'fastify'] },
  database: {
    may: ['entities', 'migrations'],
    typesOf: ['config', 'domain'],
    never: ['graphql', 'type-graphql', 'fastify', 'nodemailer'],
  },
  resolvers: { may: ['domain'], typesOf: ['entities'], never: ['@mikro-orm', 'kysely', 'pg', 'fastify', 'nodemailer'] },
  plugins: { may: ['domain'], typesOf: ['resolvers/context.ts'], never: ['@mikro-orm', 'kysely', 'pg', 'nodemailer'] },
  server: {
    may: ['resolvers', 'plugins', 'domain'],
    typesOf: ['config'],
    never: ['@mikro-orm', 'kysely', 'pg', 'nodemailer'],
  },
  jobs: { may: ['domain'], typesOf: ['config'], never: ['graphql', 'type-graphql', '@apollo', 'fastify'] },
};

const srcPath = (names) => `^src/(${names.map((name) => (name.endsWith('.ts') ? name : `${name}/`)).join('|')})`;
const packagePath = (names) => `(^|/)node_modules/(@types/)?(${names.join('|')})/`;

function rulesOf([name, { may = [], typesOf = [], never }]) {
  const from = { path: `^src/${name}/` };
  const error = (suffix, comment, to) => ({ name: `${name}-${suffix}`, severity: 'error', comment, from, to });
  return [
    error('imports-only', `src/${name} may import ${[...may, ...typesOf].join(', ') || 'nothing'} of src.`, {
      path: '^src/',
      pathNot: srcPath([name, ...may, ...typesOf]),
    }),
    error('never-sees', `src/${name} stays free of ${never.join(', ')}.`, { path: packagePath(never) }),
    ...(typesOf.length > 0
      ? [
          error('types-only', `src/${name} uses only the types of ${typesOf.join(', ')}.`, {
            path: srcPath(typesOf),
            dependencyTypesNot: ['type-only'],
          }),
        ]
      : []),
  ];
}

export default {
  forbidden: [
    ...Object.entries(layers).flatMap(rulesOf),
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Entities may refer to each other in a circle (relations are arrows); nothing else may.',
      from: { pathNot: '^src/entities/' },
      to: { circular: true },
    },
    {
      name: 'src-stands-alone',
      severity: 'error',
      comment: 'What ships may not need tests, scripts or development packages.',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts|dist)/' },
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      comment: 'Move the package to dependencies, or the import out of src.',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'A misspelt path, or a package that package.json does not name.',
      from: { path: '^src/' },
      // A require made for another package reads that package's own package.json, which lies nowhere in this tree.
      to: { couldNotResolve: true, pathNot: '/package\\.json$' },
    },
    {
      name: 'known-layers',
      severity: 'error',
      comment: 'A new folder of src needs its line in the table above.',
      from: { path: '^src/', pathNot: `${srcPath([...Object.keys(layers), 'cli'])}|^src/[^/]+\\.ts$` },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
