const LONGEST_CELL = 48;

/** A table: titles, a rule, a line a row, columns two spaces apart; long cells cut. Data cannot move the cursor. */
export function tableText(columns: readonly { readonly name: string; readonly right: boolean }[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(oneLine));
  const titles = columns.map(({ name }) => oneLine(name));
  const widths = titles.map((title, i) => Math.max(lengthOf(title), ...cells.map((row) => lengthOf(row[i] as string))));
  const line = (row: readonly string[]): string => {
    const padded = row.map((cell, i) => {
      const blanks = ' '.repeat((widths[i] as number) - lengthOf(cell));
      return columns[i]?.right ? blanks + cell : cell + blanks;
    });
    return `${padded.join('  ').trimEnd()}\n`;
  };
  return [titles, widths.map((width) => '-'.repeat(width)), ...cells].map(line).join('');
}

function lengthOf(text: string): number {
  return [...text].length;
}

/** Cut to the longest that is shown; control characters become their visible pictures. */
function oneLine(text: string): string {
  const characters = [...text];
  const short = characters.length > LONGEST_CELL ? `${characters.slice(0, LONGEST_CELL - 1).join('')}…` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return short.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => (char < '\u0020' ? String.fromCharCode(0x2400 + char.charCodeAt(0)) : '·'));
}
