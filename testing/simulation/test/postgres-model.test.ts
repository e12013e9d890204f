// Takes about 2 s.
import { modelContract } from '../src/postgres/model-contract.ts';

await modelContract({ sequences: 6, defects: [] });
