/** Forms from parameter schemas. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fieldsOf, readForm } from '../../../../web/pages/start/form-values.ts';

const test = suite('form values');

test('required fields come first, and texts become parameters', () => {
  const fields = fieldsOf({
    timeout: { type: 'integer', default: 60 },
    fixed: { type: 'string', immutable: true },
    hosts: { type: 'array', required: true },
    cmd: { type: 'string', required: true, position: 0 },
    sudo: { type: 'boolean' },
    level: { type: 'string', enum: ['low', 'high'] },
    password: { type: 'string', secret: true },
  });
  assert.equal(
    fields.map(({ name, kind }) => `${name}:${kind}`),
    ['cmd:lines', 'hosts:json', 'level:choice', 'password:secret', 'sudo:boolean', 'timeout:number'],
  );
  assert.equal(
    readForm(fields, { cmd: 'ls', hosts: 'a, b', sudo: 'true', timeout: '5', level: 'low' }).values,
    { cmd: 'ls', hosts: ['a', 'b'], sudo: true, timeout: 5, level: 'low' },
  );
  assert.equal(readForm(fields, { hosts: '["a"]', timeout: '1.5' }).errors, {
    cmd: 'Required.',
    timeout: 'Enter a whole number.',
  });
});

test.run();
