import { Argument, type Command } from 'commander';
import { addCommand, type Registry } from './command.js';
import { CommandFailure } from './command-failure.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `keyferry completion bash|zsh|fish`: a script made of the commands as they are. */
export function addCompletion(registry: Registry): void {
  const program = registry.parent;
  const command = addCommand(registry, {
    usage: 'completion',
    summary: 'print a completion script for a shell',
    example: 'completion bash > /etc/bash_completion.d/keyferry',
    notes: [
      'zsh:  keyferry completion zsh > ~/.zsh/completions/_keyferry (a folder of $fpath)',
      'fish: keyferry completion fish > ~/.config/fish/completions/keyferry.fish',
    ],
    // A shell that starts must get its script.
    checkVariables: false,
    async act({ terminal }, _options, shell) {
      if (shell === 'bash') terminal.write(bashScript(program));
      else if (shell === 'zsh') terminal.write(zshScript(program));
      else if (shell === 'fish') terminal.write(fishScript(program));
      else throw new CommandFailure(`completion takes one of ${SHELLS.join(', ')}`);
    },
  });
  command.addArgument(new Argument('<shell>', 'the shell').choices(SHELLS));
}

/** `secrets create` and what may follow it: verbs, then options. */
interface Place {
  readonly path: string;
  readonly words: readonly string[];
}

function placesOf(program: Command): Place[] {
  const shared = longOptions(program);
  const places: Place[] = [{ path: '', words: [...namesOf(program), ...shared] }];
  const visit = (command: Command, path: string): void => {
    const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
    const words = [...namesOf(command), ...choices, ...longOptions(command), ...shared];
    places.push({ path, words: [...new Set(words)] });
    for (const child of command.commands) visit(child, `${path} ${child.name()}`);
  };
  for (const child of program.commands) visit(child, child.name());
  return places;
}

function bashScript(program: Command): string {
  const cases = placesOf(program)
    .map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`)
    .join('\n');
  return `# bash completion of keyferry
_keyferry() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" i word
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$path|$word" in
${pathCases(program)}
    esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _keyferry keyferry
`;
}

/** One case per command: the words so far and the next one make the new path. */
function pathCases(program: Command): string {
  return placesOf(program)
    .filter(({ path }) => path !== '')
    .map(({ path }) => {
      const words = path.split(' ');
      const last = words.pop() ?? '';
      return `      "${words.join(' ')}|${last}") path="${path}" ;;`;
    })
    .join('\n');
}

// zsh runs bash's completions through its own bridge; both then say the same.
function zshScript(program: Command): string {
  return `#compdef keyferry\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(program)}`;
}

function fishScript(program: Command): string {
  const lines = ['# fish completion of keyferry'];
  const add = (condition: string, command: Command): void => {
    for (const child of command.commands) {
      lines.push(
        `complete -c keyferry -f -n '${condition}' -a ${child.name()} -d '${quoted(child.description())}'`,
      );
    }
    for (const option of command.options) {
      if (option.long === undefined || option.long === null) continue;
      const takes = option.required ? ' -r' : '';
      lines.push(
        `complete -c keyferry -n '${condition}' -l ${option.long.slice(2)}${takes} -d '${quoted(option.description)}'`,
      );
    }
  };
  lines.push(...program.options.map(globalLine));
  for (const noun of program.commands) {
    lines.push(
      `complete -c keyferry -f -n __fish_use_subcommand -a ${noun.name()} -d '${quoted(noun.description())}'`,
    );
    const here = `__fish_seen_subcommand_from ${noun.name()}`;
    const verbs = namesOf(noun).join(' ');
    add(verbs === '' ? here : `${here}; and not __fish_seen_subcommand_from ${verbs}`, noun);
    for (const verb of noun.commands) {
      add(`${here}; and __fish_seen_subcommand_from ${verb.name()}`, verb);
    }
    for (const choice of noun.registeredArguments.flatMap((it) => it.argChoices ?? [])) {
      lines.push(`complete -c keyferry -f -n '${here}' -a ${choice}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function globalLine(option: { long?: string | undefined; description: string }): string {
  return `complete -c keyferry -l ${(option.long ?? '').slice(2)} -d '${quoted(option.description)}'`;
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}

function namesOf(command: Command): string[] {
  return command.commands.map((child) => child.name());
}

function longOptions(command: Command): string[] {
  return command.options.flatMap((option) => option.long ?? []);
}
