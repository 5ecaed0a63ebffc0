import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cut, renderTable } from '../../../cli/render/table.ts';

const test = suite('table');

test('a table fits a narrow terminal and is whole in a pipe', () => {
  const rows = [
    { id: '01a2', what: 'a command that is much longer than the terminal is wide', n: 7 },
    { id: '01a3', what: '世界世界世界世界世界世界世界世界世界世界世界', n: 12 },
  ];
  const columns = [
    { title: 'ID', value: (row: (typeof rows)[0]) => row.id },
    { title: 'N', value: (row: (typeof rows)[0]) => String(row.n), align: 'right' as const, fromWidth: 60 },
    { title: 'WHAT', value: (row: (typeof rows)[0]) => row.what, flexible: true },
  ];
  assert.equal(renderTable(rows, columns, 40), [
    'ID    WHAT',
    '01a2  a command that is much longer tha…',
    '01a3  世界世界世界世界世界世界世界世界…',
  ]);
  assert.equal(renderTable(rows, columns, undefined)[1], `01a2   7  ${rows[0]?.what}`);
  assert.is(cut('abc', 3), 'abc');
});

test.run();
