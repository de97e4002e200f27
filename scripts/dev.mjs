// `npm run dev`: builds and serves; Node starts this file anew whenever src changes. A failed build waits for the next change.
await import('./build-if-stale.mjs');
if (!process.exitCode) await import(new URL('../dist/main.js', import.meta.url).href);
