/** The part of typedoc's application that is used here; its own types need those of a browser. */
interface Application {
  converter: {
    on(event: 'resolveBegin', listener: (context: { project: { children?: { name: string }[] } }) => void): unknown;
  };
}

/** A plugin of typedoc: calls a module by what one imports, `pkce-state`, and not by where its source is. */
export function load({ converter }: Application): void {
  converter.on('resolveBegin', ({ project }) => {
    for (const module of project.children ?? []) module.name = module.name.replace('/src', '');
  });
}
