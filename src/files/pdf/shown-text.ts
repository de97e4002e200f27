import bidiFactory from 'bidi-js';
import { canSpell, type FontName } from './fonts.js';

/** A text as it can be printed, and the font that spells it. */
export interface ShownText {
  readonly text: string;
  readonly font: FontName;
}

/** Line breaks, tabs and what else has no place in one line of text. */
const CONTROLS = /[\p{Cc}\s]+/gu;
/** What would turn the text around it, and what XML and fonts have no use for. */
const NEVER_SHOWN = /[\p{Bidi_Control}\p{Noncharacter_Code_Point}]/gu;
const REPLACEMENT = '\ufffd';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
// The package says that it exports its factory as `default`; what it exports is the factory.
const bidi = (bidiFactory as unknown as typeof bidiFactory.default)();

/** The text in one line, whatever is in it: no control characters, and nothing that changes the direction of the rest. */
export function oneLine(text: string): string {
  return text.toWellFormed().normalize('NFC').replaceAll(NEVER_SHOWN, '').replaceAll(CONTROLS, ' ').trim();
}

/** The text in the font that people read best, else in the one that can spell most; what neither can is U+FFFD. */
export function shownText(text: string): ShownText {
  const line = oneLine(text);
  if (canSpell('text', line)) return { text: line, font: 'text' };
  const spelt = charactersOf(line).map((character) => (canSpell('wide', character) ? character : REPLACEMENT));
  return { text: spelt.join(''), font: 'wide' };
}

/** Breaks after spaces, dashes and @ where it can, else between any two characters. */
export function brokenLines(text: string, width: number, widthOf: (part: string) => number): string[] {
  const parts = text.split(/(?<=[\s@-])/u).flatMap((part) => (widthOf(part) > width ? charactersOf(part) : [part]));
  const lines: string[] = [];
  let [line, taken, last] = ['', 0, ''];
  for (const part of parts) {
    // Beside its neighbour, since a font sets some pairs closer together or further apart.
    const wider = widthOf(last + part) - widthOf(last);
    if (line !== '' && taken + wider > width) {
      lines.push(line.trimEnd());
      [line, taken, last] = [part, widthOf(part), part];
    } else {
      [line, taken, last] = [line + part, taken + wider, part];
    }
  }
  return [...lines, line.trimEnd()];
}

/** A piece of a line, spelt as it is read. */
export interface Run {
  readonly text: string;
  readonly isLeftwards: boolean;
}

/** The pieces of a line from left to right, each of one direction. */
export function visualRuns(line: string): Run[] {
  const embedding = bidi.getEmbeddingLevels(line);
  const { levels } = embedding;
  if (levels.every((level) => level === 0)) return [{ text: line, isLeftwards: false }];
  const mirrored = bidi.getMirroredCharactersMap(line, levels);
  const runs: number[][] = [];
  for (const index of bidi.getReorderedIndices(line, embedding)) {
    const run = runs.at(-1);
    const before = run?.at(-1) ?? -2;
    if (Math.abs(index - before) === 1 && levels[index] === levels[before]) run?.push(index);
    else runs.push([index]);
  }
  return runs.map((run) => {
    const logical = run.toSorted((a, b) => a - b).map((index) => mirrored.get(index) ?? line.charAt(index));
    const isLeftwards = (levels[run[0] ?? 0] ?? 0) % 2 === 1;
    const text = logical.join('');
    const isTurned = isLeftwards && !isShapedLeftwards(logical);
    return { text: isTurned ? charactersOf(text).toReversed().join('') : text, isLeftwards };
  });
}

/** Letters of such a script are turned when they are shaped; a run that is all signs and spaces is not. */
function isShapedLeftwards(characters: readonly string[]): boolean {
  return characters.some((character) => ['R', 'AL'].includes(bidi.getBidiCharTypeName(character)));
}

function charactersOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}
