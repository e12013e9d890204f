// Takes about 15 s.
import { statementDefects } from '../src/defects/statement-defects.ts';
import { modelContract } from '../src/postgres/model-contract.ts';

await modelContract({ sequences: 100, defects: statementDefects });
