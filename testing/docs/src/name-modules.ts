/** The part of typedoc's application that this plugin uses. typedoc's own types need those of a browser. */
interface Application {
  converter: {
    on(event: 'resolveBegin', listener: (context: { project: { children?: { name: string }[] } }) => void): unknown;
  };
}

/** A plugin of typedoc: names a module by its import, `pkce-state`, not by the path of its source. */
export function load({ converter }: Application): void {
  converter.on('resolveBegin', ({ project }) => {
    for (const module of project.children ?? []) module.name = module.name.replace('/src', '');
  });
}
