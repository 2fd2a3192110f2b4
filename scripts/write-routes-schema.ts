import { writeFileSync } from 'node:fs';
import { routesJsonSchema } from '../src/config/index.js';

// `npm run schema`: editors find the result by the "$schema" of a routes document; a test compares the two.
const file = new URL('../routes.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(routesJsonSchema(), null, 2)}\n`);
