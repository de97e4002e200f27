import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { create, type Font } from 'fontkit';

const require = createRequire(import.meta.url);

const bytes = {
  // Drawn so that I, l and 1, or O and 0, cannot be taken for each other.
  text: fontFile('@expo-google-fonts/atkinson-hyperlegible-next/400Regular/AtkinsonHyperlegibleNext_400Regular.ttf'),
  heading: fontFile('@expo-google-fonts/atkinson-hyperlegible-next/700Bold/AtkinsonHyperlegibleNext_700Bold.ttf'),
  code: fontFile('@expo-google-fonts/atkinson-hyperlegible-mono/500Medium/AtkinsonHyperlegibleMono_500Medium.ttf'),
  // Spells what the others lack, such as Cyrillic, Hebrew and Arabic.
  wide: fontFile('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'),
};

export type FontName = keyof typeof bytes;

/**
 * As files, which each document parses for itself: a parsed font remembers of which characters it first drew a glyph,
 * and documents that shared one could be read back as each other's text.
 */
export const fontFiles: Readonly<Record<FontName, Buffer>> = bytes;

const coverage = new Map<FontName, Font>();

/** Whether the font has a glyph for each character. */
export function canSpell(name: FontName, text: string): boolean {
  const font = coverage.get(name) ?? (create(bytes[name]) as Font);
  coverage.set(name, font);
  return Array.from(text).every((character) => font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0));
}

function fontFile(path: string): Buffer {
  return readFileSync(require.resolve(path));
}
