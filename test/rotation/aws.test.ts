import { aws } from '../../src/rotation/index.js';
import { startAwsStandIn } from '../support/stand-ins/aws.js';
import { describeProvider } from './provider-contract.js';

describeProvider(aws, () => startAwsStandIn({ mode: 'operator' }), 'by an operator');
describeProvider(aws, () => startAwsStandIn({ mode: 'self' }), 'by the key in use');
