/** Light and dark by the reader's preference, wide enough to touch, at least 16 px so that phones do not zoom in. */
export const MAIL_LINK_STYLE = `
:root { color-scheme: light dark; --page: #f3f4f6; --card: #fff; --ink: #1f2328; --faint: #59636e; --edge: #8c959f; --accent: #0b57d0; --on-accent: #fff; --refused: #b3261e; --done: #1a6b33; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --card: #1f2328; --ink: #e6e8eb; --faint: #a3abb5; --edge: #767e88; --accent: #7db4ff; --on-accent: #10151c; --refused: #ff8a80; --done: #7ddc9a; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 30rem; margin: 6vh auto 0; padding: 1.5rem; background: var(--card); border-radius: .5rem; }
.site { margin: 0; color: var(--faint); font-size: .875rem; }
h1 { margin: .25rem 0 1rem; font-size: 1.375rem; line-height: 1.3; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input[type=password] { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--edge); border-radius: .375rem; }
.choice { display: flex; align-items: center; gap: .5rem; min-height: 2.75rem; }
.choice input { width: 1.25rem; height: 1.25rem; margin: 0; accent-color: var(--accent); }
.hint { margin: .25rem 0 1rem; color: var(--faint); font-size: .875rem; }
button { width: 100%; min-height: 2.75rem; padding: .5rem 1rem; font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent); border: 0; border-radius: .375rem; cursor: pointer; }
button:disabled { opacity: .5; cursor: default; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
#status:empty { display: none; }
#status:focus { outline: none; }
.refused { color: var(--refused); }
.done { color: var(--done); font-weight: 600; }
[hidden] { display: none; }
`;
