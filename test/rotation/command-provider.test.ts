import { tmpdir } from 'node:os';
import { createCommandProvider } from '../../src/rotation/index.js';
import { startCommandStandIn } from '../support/stand-ins/command.js';
import { describeProvider } from './provider-contract.js';

describeProvider(createCommandProvider(tmpdir()), startCommandStandIn);
