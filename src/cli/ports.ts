import type {
  ImportedSource,
  Problem,
  RoutesDocument,
  RowVerification,
  SecretValue,
} from '../core/index.js';

/** One setting of the server as `serve --help` shows it. */
export interface ServeSetting {
  /** `--proxy-listen`; undefined where only the variable takes it (a secret). */
  readonly flag?: string | undefined;
  /** `HOST:PORT`; undefined for a switch. */
  readonly takes?: string | undefined;
  readonly description: string;
  /** `KEYFERRY_PROXY_LISTEN`. */
  readonly variable: string;
  readonly fileVariable?: string | undefined;
  readonly default?: string | undefined;
  /** Takes several values. */
  readonly repeats: boolean;
}

/** What the flags of a command line say, by flag: `{'--proxy-listen': '127.0.0.1:80'}`. */
export type ServeFlags = Readonly<Record<string, string | true | readonly string[]>>;

export interface RunningServerPort {
  /** Ends when requests under way are answered. */
  close(): Promise<void>;
}

export interface DoctorCheck {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** A data folder and the root key that opens it. */
export interface DataFolder {
  readonly dataDir: string;
  /** Undefined = as the variables say, or `master.key` in the folder. */
  readonly rootKeyFile: string | undefined;
}

export type NewRootKey =
  | { readonly type: 'file'; readonly file: string }
  | { readonly type: 'passphrase'; readonly passphrase: SecretValue };

/** Work on the data folder itself, without the server. Each throws AppError. */
export interface MaintenancePort {
  rekey(
    folder: DataFolder,
    /** Undefined = a new random one takes the place of the old one's file. */
    newRootKey: NewRootKey | undefined,
    onProgress: (progress: { readonly rewrapped: number }) => void,
  ): Promise<{
    readonly rootKeyId: string;
    readonly rewrapped: number;
    readonly resumed: boolean;
    readonly oldRootKeyFile?: string;
  }>;
  /** Into an empty data folder. */
  restore(folder: DataFolder, backupFile: string): Promise<{ readonly createdAtMs: number }>;
  /** Makes an admin for who has lost every token; its token is in a file of the data folder. */
  recoverAdmin(folder: DataFolder): Promise<{ readonly name: string; readonly tokenFile: string }>;
  /** Takes altered rows as they are, and answers with what was found. */
  acceptRows(folder: DataFolder): Promise<RowVerification>;
  doctor(folder: DataFolder): Promise<{ readonly checks: readonly DoctorCheck[] }>;
}

/** A routes file that was read: the document, or what is wrong and where. */
export interface ReadRoutesFile {
  readonly document: RoutesDocument | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Which secret takes the place of which, and where. */
export interface SecretReplacement {
  readonly from: string;
  readonly to: string;
  readonly environment: string;
}

/** The text of a routes document as it is and as it would be, layout and comments kept. */
export interface EditedRoutes {
  readonly text: string;
  readonly before: RoutesDocument;
  readonly after: RoutesDocument;
  /** Places that name a version of a secret that is to be replaced: they stay. */
  readonly pinned: readonly Problem[];
}

/** Where a Vault is, and which of its secrets to read. */
export interface VaultLocation {
  readonly address: URL;
  readonly mount: string;
  readonly path: string;
  readonly token: string;
  readonly namespace: string | undefined;
  /** PEM certificates in place of the system's authorities. */
  readonly ca: string | undefined;
}

/** Which secrets of AWS Secrets Manager to read, and by which key pair. */
export interface AwsSecretsLocation {
  readonly region: string;
  readonly endpoint: URL | undefined;
  readonly prefix: string | undefined;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  readonly ca: string | undefined;
}

/** Reads what other stores of secrets hold. Each throws AppError. */
export interface ImportPort {
  envFile(text: string): Promise<ImportedSource>;
  /** `byEnvironment`: `{name: {environment: value}}`; otherwise `{name: value}`. */
  jsonFile(text: string, byEnvironment: boolean): Promise<ImportedSource>;
  vault(location: VaultLocation): Promise<ImportedSource>;
  awsSecrets(location: AwsSecretsLocation): Promise<ImportedSource>;
}

/** Everything that the command line does not do itself; `main.ts` hands it in. */
export interface CommandLinePorts {
  readonly version: string;
  /** Every variable `KEYFERRY_…` that nothing reads, with the nearest known one. */
  unknownVariables(
    variables: Readonly<Record<string, string | undefined>>,
  ): Promise<readonly Problem[]>;
  /** Every setting of `serve`, in the order of its help. Asked for only where its options are shown or read. */
  serveSettings(): Promise<readonly ServeSetting[]>;
  /**
   * Starts the server; its messages go to `say`. Throws AppError, and the reason of `stopping` when that is aborted
   * before it listens.
   */
  startServer(
    flags: ServeFlags,
    io: { readonly say: (line: string) => void; readonly warn: (line: string) => void },
    stopping: AbortSignal,
  ): Promise<RunningServerPort>;
  /** Resolves with the signal that asks the server to stop. */
  untilStopSignal(): Promise<string>;
  readonly maintenance: MaintenancePort;
  /** Whether the signature (Ed25519, base64url) was made over the text by the holder of the key. */
  verifySignature(text: string, signature: string, publicKey: string): Promise<boolean>;
  readonly import: ImportPort;
  /** Checks the text of a routes document without a server; `fileName` is for messages. */
  readRoutes(text: string, fileName: string): Promise<ReadRoutesFile>;
  /** Replaces secrets in the text of a routes document. Throws AppError when it is none. */
  replaceSecrets(
    text: string,
    fileName: string,
    replacements: readonly SecretReplacement[],
  ): Promise<EditedRoutes>;
}
