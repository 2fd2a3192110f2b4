import { oauth2 } from '../../src/rotation/index.js';
import { startOAuth2StandIn } from '../support/stand-ins/oauth2.js';
import { describeProvider } from './provider-contract.js';

describeProvider(oauth2, () => startOAuth2StandIn(), 'client credentials');
describeProvider(
  oauth2,
  () => startOAuth2StandIn({ mode: 'refresh_token', clientAuthentication: 'client_secret_post' }),
  'refresh token',
);
