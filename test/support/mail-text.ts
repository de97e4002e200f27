export const flat = (text: string) => text.replaceAll(/\s+/g, ' ');

/** What a reader of the HTML sees. */
export const readable = (html: string) =>
  flat(
    html
      .replace(/<head>[\s\S]*<\/head>/, '')
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&'),
  );
