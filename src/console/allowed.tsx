import { type Child, createContext, type FC, useContext } from 'hono/jsx';
import { coversRole, type Role } from '../core/index.js';

/** The role of who looks at what is drawn inside. */
export const RoleOfVisitor = createContext<Role>('viewer');

/** What only those with the role can do: others are not offered what the API would refuse them. */
export const Allowed: FC<{ readonly to: Role; readonly children?: Child }> = ({ to, children }) => {
  const role = useContext(RoleOfVisitor);
  return <>{coversRole(role, to) && children}</>;
};
