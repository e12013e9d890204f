import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import * as ast from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';

/** A small defect in one place of a source. */
export interface Mutant {
  /** The path from the root of the repository, with slashes. */
  readonly file: string;
  readonly line: number;
  /** `FILE OPERATOR: BEFORE → AFTER`: the line, or a statement's lines in one. The name does not change when the line moves. */
  readonly name: string;
  /** The whole file with the defect. */
  readonly text: string;
}

type Replace = (node: ast.Node, replacement: string, operator: string) => void;

/** Every mutant of the sources that the project `tsconfig` names. */
export function findMutants(root: string, tsconfig: string): Mutant[] {
  const api = new API({ cwd: root });
  try {
    const project = api.updateSnapshot({ openProjects: [tsconfig] }).getProject(tsconfig);
    if (!project) throw new Error(`${tsconfig} cannot be read`);
    return project.rootFiles.flatMap((path) => {
      const source = project.program.getSourceFile(path);
      return source ? mutantsOf(source, relative(root, path).replaceAll(sep, '/'), readFileSync(path, 'utf8')) : [];
    });
  } finally {
    api.close();
  }
}

function mutantsOf(source: ast.SourceFile, file: string, text: string): Mutant[] {
  const mutants: Mutant[] = [];
  const replace: Replace = (node, replacement, operator) => {
    const [start, end] = [node.getStart(source), node.end];
    const head = text.slice(text.lastIndexOf('\n', start) + 1, start);
    const tail = text.slice(end, `${text}\n`.indexOf('\n', end));
    const [before, after] = [text.slice(start, end), replacement].map((part) => oneLine(head + shorten(part) + tail));
    mutants.push({
      file,
      line: text.slice(0, start).split('\n').length,
      name: `${file} ${operator}: ${before} → ${after}`,
      text: text.slice(0, start) + replacement + text.slice(end),
    });
  };
  const visit = (node: ast.Node): void => {
    if (isOnlyType(node)) return;
    mutate(node, replace);
    node.forEachChild(visit);
  };
  visit(source);
  return mutants;
}

/** Whether the node is an import or a type, of which nothing runs. */
function isOnlyType(node: ast.Node): boolean {
  if (ast.isTypeNode(node)) return !ast.isExpressionWithTypeArguments(node);
  const { isInterfaceDeclaration, isTypeAliasDeclaration, isImportDeclaration, isExportDeclaration } = ast;
  return [isInterfaceDeclaration, isTypeAliasDeclaration, isImportDeclaration, isExportDeclaration].some((is) =>
    is(node),
  );
}

/** Each operator becomes the other of its pair. */
const pairs = {
  boundary: ['< <=', '> >='],
  equality: ['=== !=='],
  logical: ['&& ||'],
  arithmetic: ['+ -', '* /', '+= -='],
};

function mutate(node: ast.Node, replace: Replace): void {
  if (ast.isIfStatement(node) || ast.isWhileStatement(node)) condition(node.expression, replace);
  else if (ast.isConditionalExpression(node)) condition(node.condition, replace);
  else if (ast.isBinaryExpression(node)) {
    binary(node, replace);
  } else if (ast.isPrefixUnaryExpression(node) && node.operator === ast.SyntaxKind.ExclamationToken)
    replace(node, node.operand.getText(), 'not');
  else if (ast.isExpressionStatement(node)) statement(node, replace);
  else if (ast.isBreakStatement(node) || ast.isContinueStatement(node)) replace(node, ';', 'statement');
  else if (ast.isArrowFunction(node) && ast.isCallExpression(node.body)) replace(node.body, 'undefined', 'call');
  else if (ast.isAwaitExpression(node)) replace(node, node.expression.getText(), 'await');
  else if (ast.isThrowStatement(node)) replace(node, ';', 'throw');
  else if (ast.isTryStatement(node) && node.finallyBlock) replace(node.finallyBlock, '{}', 'finally');
  else if (ast.isBlock(node)) block(node, replace);
  else literal(node, replace);
}

function binary({ left, operatorToken, right }: ast.BinaryExpression, replace: Replace): void {
  const token = operatorToken.getText();
  for (const [operator, of] of Object.entries(pairs)) {
    const pair = of.map((pair) => pair.split(' ')).find((pair) => pair.includes(token));
    if (pair) replace(operatorToken, pair.find((other) => other !== token) ?? '', operator);
  }
  if (token === '??') for (const side of [left, right]) replace(left.parent, side.getText(), 'logical');
}

function condition(node: ast.Expression, replace: Replace): void {
  for (const value of ['true', 'false']) replace(node, value, 'condition');
  // An operator has its own mutants.
  if (!ast.isBinaryExpression(node) && !ast.isPrefixUnaryExpression(node))
    replace(node, `!${node.getText()}`, 'condition');
}

function statement(node: ast.ExpressionStatement, replace: Replace): void {
  const called = /^[^({]*\(/.exec(node.expression.getText())?.[0] ?? '';
  const listens = /\.(?:on|once|off|\w*[lL]istener)\($/.test(called);
  if (called !== 'super(') replace(node, ';', listens ? 'listener' : 'statement');
}

/** An `if` block needs no mutant of its own: `condition` already leaves it out. */
function block(node: ast.Block, replace: Replace): void {
  const { parent } = node;
  const isOther = ast.isIfStatement(parent) ? node === parent.elseStatement : !ast.isTryStatement(parent);
  if (isOther && node.statements.length > 0) replace(node, '{}', 'block');
}

/** A text with spaces stays: words for people may change. Limits get no neighbour values: a millisecond means nothing. */
function literal(node: ast.Node, replace: Replace): void {
  if (node.kind === ast.SyntaxKind.TrueKeyword) replace(node, 'false', 'literal');
  else if (node.kind === ast.SyntaxKind.FalseKeyword) replace(node, 'true', 'literal');
  else if (ast.isNumericLiteral(node))
    replace(node, Number(node.text) < 10 ? `${Number(node.text) + 1}` : '0', 'literal');
  else if (ast.isStringLiteral(node) && !/\s/.test(node.text)) {
    const isKey = ast.isPropertyAssignment(node.parent) && node.parent.name === node;
    if (!isKey) replace(node, node.text === '' ? "'other'" : "''", 'literal');
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** Shortens a long part in its middle. */
function shorten(part: string): string {
  const line = oneLine(part);
  return line.length > 90 ? `${line.slice(0, 60)} … ${line.slice(-20)}` : line;
}
