import { programsBeside } from 'testing-authority/start-program';

export const startProgram = programsBeside(import.meta.url);
