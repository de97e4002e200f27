import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';

/** Jest in ESM mode over the TypeScript sources; start it through `npm test`, which passes --experimental-vm-modules. */

const hook = (file) => (existsSync(new URL(file, import.meta.url)) ? `<rootDir>/${file}` : undefined);

// Global setup and teardown run outside of Jest's own resolver, so Node has to learn that './x.js' may be './x.ts'.
registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (!/^\.{1,2}\/.*\.js$/.test(specifier)) throw error;
      return next(specifier.replace(/\.js$/, '.ts'), context);
    }
  },
});

const swc = {
  swcrc: false,
  sourceMaps: 'inline',
  module: { type: 'es6' },
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: {
      legacyDecorator: true,
      decoratorMetadata: false,
      useDefineForClassFields: true,
      verbatimModuleSyntax: true,
    },
  },
};

export default {
  rootDir: '.',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.data/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '\\.ts$': ['@swc/jest', swc] },
  globalSetup: hook('test/support/global-setup.ts'),
  globalTeardown: hook('test/support/global-teardown.ts'),
  testTimeout: 30_000,
  // One more than there are cores: much of the time is spent waiting for what is due.
  maxWorkers: 3,
};
