import type { Admin, Store } from '../core/index.js';
import { wholeList } from './whole-list.js';

/** Also a revoked one; undefined when there is none. There are few. */
export async function findAdmin(store: Store, id: string): Promise<Admin | undefined> {
  const admins = await wholeList((page) => store.listAdmins(page));
  return admins.find((admin) => admin.id === id);
}
