import type { Style } from './tagged-pages.js';

export const INK = '#1f2328';
const FAINT = '#59636e';
/** For lines that lead the eye. */
export const LINE = '#c9ced6';

export const styles = {
  site: { font: 'text', size: 13, leading: 17, color: FAINT },
  longSite: { font: 'text', size: 9, leading: 12, color: FAINT },
  title: { font: 'heading', size: 26, leading: 32, color: INK },
  heading: { font: 'heading', size: 13, leading: 18, color: INK },
  label: { font: 'text', size: 9, leading: 13, color: FAINT },
  value: { font: 'text', size: 11, leading: 15, color: INK },
  longValue: { font: 'text', size: 8, leading: 11, color: INK },
  longestValue: { font: 'text', size: 6, leading: 8, color: INK },
  number: { font: 'text', size: 10, leading: 13, color: FAINT },
  topic: { font: 'heading', size: 10, leading: 14, color: INK },
  body: { font: 'text', size: 10, leading: 14, color: INK },
  footer: { font: 'text', size: 9, leading: 13, color: FAINT },
} as const satisfies Record<string, Style>;
